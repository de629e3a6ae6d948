//! A space.

use sea_orm::entity::prelude::*;

/// A space.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "space")]
pub struct Model {
    /// Which one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whose it is.
    pub owner_id: Uuid,
    /// Unique among the owner's spaces that are not deleted.
    pub name: String,
    /// What it is.
    pub description: String,
    /// The template.
    pub template_id: Uuid,
    /// The version it is pinned to.
    pub template_version_id: Uuid,
    /// `spaceport_domain::lifecycle::Status`.
    pub status: String,
    /// `spaceport_domain::lifecycle::Desired`.
    pub desired: String,
    /// The number of the wanted container.
    pub instance: i32,
    /// When the status stops being waited for.
    pub deadline_ms: Option<i64>,
    /// Whether the volumes exist.
    pub volumes_ready: bool,
    /// `spaceport_domain::lifecycle::Failure` as JSON.
    pub failure: Option<String>,
    /// The container's address while it runs.
    pub address: Option<String>,
    /// The version of the agent in the container while it runs and has one.
    pub agent_version: Option<String>,
    /// A list of `spaceport_domain::space::SpaceApp` as JSON while it runs and they are known.
    pub apps: Option<String>,
    /// What it consumes while not at rest.
    pub compute_units: i64,
    /// What it consumes until deleted.
    pub storage_units: i64,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it last became running.
    pub started_at_ms: Option<i64>,
    /// When it last became stopped.
    pub stopped_at_ms: Option<i64>,
    /// When it was deleted.
    pub deleted_at_ms: Option<i64>,
    /// Counts the changes, beginning with 1.
    pub revision: i64,
    /// Unique for its owner.
    pub idempotency_key: Option<String>,
    /// The fingerprint of the input that came with the key.
    pub idempotency_print: Option<String>,
}

/// Rows are joined by the store, which names what it needs.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
