//! A one-time code with which a command line signs in.

use sea_orm::entity::prelude::*;

/// A one-time code with which a command line signs in. It rests on the session of the browser that
/// confirmed it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cli_code")]
pub struct Model {
    /// SHA-256 of the code, in hex; the code itself is not kept.
    #[sea_orm(primary_key, auto_increment = false)]
    pub code_hash: String,
    /// Who signs in.
    pub user_id: Uuid,
    /// The session it rests on.
    pub session_id: Uuid,
    /// What the verifier must hash to.
    pub challenge: String,
    /// When it ends by itself.
    pub expires_at_ms: i64,
}

/// Rows are joined by the store, which names what it needs.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
