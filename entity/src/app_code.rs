//! A one-time code with which a browser enters an app.

use sea_orm::entity::prelude::*;

/// A one-time code with which a browser enters an app. It rests on one session or one token.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "app_code")]
pub struct Model {
    /// SHA-256 of the code, in hex; the code itself is not kept.
    #[sea_orm(primary_key, auto_increment = false)]
    pub code_hash: String,
    /// Who enters.
    pub user_id: Uuid,
    /// The session it rests on.
    pub session_id: Option<Uuid>,
    /// The token it rests on.
    pub api_token_id: Option<Uuid>,
    /// The hostname it is good for.
    pub host: String,
    /// The space that has the hostname, when whoever enters may know of it.
    pub space_id: Option<Uuid>,
    /// When it ends by itself.
    pub expires_at_ms: i64,
}

/// Rows are joined by the store, which names what it needs.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
