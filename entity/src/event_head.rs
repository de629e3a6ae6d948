//! One row: the number of the newest event. Whoever adds events holds it locked.

use sea_orm::entity::prelude::*;

/// One row: the number of the newest event. Whoever adds events holds it locked.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event_head")]
pub struct Model {
    /// Which one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Its number.
    pub seq: i64,
}

/// Rows are joined by the store, which names what it needs.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
