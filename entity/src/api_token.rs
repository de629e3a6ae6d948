//! A long-lived token for a program.

use sea_orm::entity::prelude::*;

/// A long-lived token for a program.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_token")]
pub struct Model {
    /// Which one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The user.
    pub user_id: Uuid,
    /// Its name.
    pub name: String,
    /// SHA-256 of the token, in hex; the token itself is not kept.
    pub hash: String,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it ends by itself.
    pub expires_at_ms: Option<i64>,
    /// When it was taken back.
    pub revoked_at_ms: Option<i64>,
    /// JSON.
    pub scopes: String,
    /// When it was last used, coarsely.
    pub last_used_at_ms: Option<i64>,
}

/// Rows are joined by the store, which names what it needs.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
