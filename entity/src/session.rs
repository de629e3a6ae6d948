//! A sign-in.

use sea_orm::entity::prelude::*;

/// A sign-in.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// Which one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The user.
    pub user_id: Uuid,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it ends by itself.
    pub expires_at_ms: i64,
    /// When it was signed out.
    pub revoked_at_ms: Option<i64>,
    /// Where the sign-in came from.
    pub address: String,
    /// The program it was made with, as it called itself.
    pub user_agent: String,
    /// When it was last used, coarsely; `None` is not since it was made.
    pub last_used_at_ms: Option<i64>,
}

/// Rows are joined by the store, which names what it needs.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
