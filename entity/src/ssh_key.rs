//! An SSH public key.

use sea_orm::entity::prelude::*;

/// An SSH public key.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ssh_key")]
pub struct Model {
    /// Which one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The user.
    pub user_id: Uuid,
    /// Its name.
    pub name: String,
    /// As in the key itself: `ssh-ed25519` and so on.
    pub algorithm: String,
    /// As OpenSSH prints it: `SHA256:` and base64. Unique, because the key decides who signs in.
    pub fingerprint: String,
    /// One line: algorithm and key, without a comment.
    pub public_key: String,
    /// When it was made.
    pub created_at_ms: i64,
    /// When somebody last signed in with it.
    pub last_used_at_ms: Option<i64>,
}

/// Rows are joined by the store, which names what it needs.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
