//! Who did what to what.

use sea_orm::entity::prelude::*;

/// Who did what to what.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entry")]
pub struct Model {
    /// Which one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// When it happened.
    pub at_ms: i64,
    /// `None` is the system.
    pub actor_id: Option<Uuid>,
    /// The name of who did it, at the time.
    pub actor_name: String,
    /// As in the API: a mutation's name.
    pub action: String,
    /// The public identifier of what it was done to.
    pub subject: String,
    /// Where the request came from.
    pub address: String,
    /// More, for a person.
    pub detail: String,
}

/// Rows are joined by the store, which names what it needs.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
