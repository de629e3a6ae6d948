//! A person who may sign in.

use sea_orm::entity::prelude::*;

/// A person who may sign in.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user_account")]
pub struct Model {
    /// Which one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// How the person is called.
    pub display_name: String,
    /// Argon2id in PHC format.
    pub password_hash: String,
    /// `None` is unlimited, here and in the other limits.
    pub limit_spaces: Option<i64>,
    /// See `limit_spaces`.
    pub limit_compute_units: Option<i64>,
    /// See `limit_spaces`.
    pub limit_storage_units: Option<i64>,
    /// See `limit_spaces`.
    pub limit_tunnels: Option<i64>,
    /// When it was made.
    pub created_at_ms: i64,
    /// Since when nobody may sign in with it.
    pub disabled_at_ms: Option<i64>,
    /// When it was deleted. The row stays, so that what refers to it keeps its meaning; the name is
    /// free.
    pub deleted_at_ms: Option<i64>,
}

/// Rows are joined by the store, which names what it needs.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
