//! A public hostname for one port of a space.

use sea_orm::entity::prelude::*;

/// A public hostname for one port of a space.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tunnel")]
pub struct Model {
    /// Which one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The space.
    pub space_id: Uuid,
    /// Whose it is.
    pub owner_id: Uuid,
    /// Unique among the owner's tunnels.
    pub name: String,
    /// The port inside the space.
    pub port: i32,
    /// The whole hostname, unique.
    pub host: String,
    /// Whether visitors are let in.
    pub enabled: bool,
    /// When it was made.
    pub created_at_ms: i64,
}

/// Rows are joined by the store, which names what it needs.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
