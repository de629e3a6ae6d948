//! A template; what it says is in its versions.

use sea_orm::entity::prelude::*;

/// A template; what it says is in its versions.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "template")]
pub struct Model {
    /// Which one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Unique among templates that are not deleted.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Whether it is offered to everybody rather than to the groups in `template_group`.
    pub for_everybody: bool,
    /// The version new spaces get.
    pub current_version_id: Uuid,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was deleted.
    pub deleted_at_ms: Option<i64>,
}

/// Rows are joined by the store, which names what it needs.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
