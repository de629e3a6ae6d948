//! One immutable version of a template.

use sea_orm::entity::prelude::*;

/// One immutable version of a template.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "template_version")]
pub struct Model {
    /// Which one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The template.
    pub template_id: Uuid,
    /// Counts the versions of one template, beginning with 1.
    pub number: i32,
    /// `spaceport_domain::template::Blueprint` as JSON.
    pub blueprint: String,
    /// When it was made.
    pub created_at_ms: i64,
}

/// Rows are joined by the store, which names what it needs.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
