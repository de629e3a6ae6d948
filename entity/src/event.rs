//! The outbox: one row a change, in the order of commits.

use sea_orm::entity::prelude::*;

/// The outbox: one row a change, in the order of commits.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    /// When it happened.
    pub at_ms: i64,
    /// `spaceport_domain::event::EventBody` as JSON.
    pub body: String,
    /// Whose access it changed, if anybody's: what they resume from before it is out of date.
    pub access_user_id: Option<Uuid>,
}

/// Rows are joined by the store, which names what it needs.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
