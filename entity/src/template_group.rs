//! Which groups a template is offered to.

use sea_orm::entity::prelude::*;

/// Which groups a template is offered to.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "template_group")]
pub struct Model {
    /// The template.
    #[sea_orm(primary_key, auto_increment = false)]
    pub template_id: Uuid,
    /// The group.
    #[sea_orm(primary_key, auto_increment = false)]
    pub group_id: Uuid,
}

/// Rows are joined by the store, which names what it needs.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
