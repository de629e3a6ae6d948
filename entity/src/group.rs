//! A set of users.

use sea_orm::entity::prelude::*;

/// A set of users.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user_group")]
pub struct Model {
    /// Which one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What membership adds to a limit; `None` adds nothing.
    pub limit_spaces: Option<i64>,
    /// See `limit_spaces`.
    pub limit_compute_units: Option<i64>,
    /// See `limit_spaces`.
    pub limit_storage_units: Option<i64>,
    /// See `limit_spaces`.
    pub limit_tunnels: Option<i64>,
    /// When it was made.
    pub created_at_ms: i64,
}

/// Rows are joined by the store, which names what it needs.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
