//! A space, as everything outside the database knows it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    id::{SpaceId, TemplateId, TemplateVersionId, UserId},
    lifecycle::SpaceState,
    name::SpaceName,
    time::Timestamp,
};

/// A space at one moment. Its template version, volumes and tunnels are kept beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Space {
    /// Which space.
    pub id: SpaceId,
    /// Whose it is.
    pub owner_id: UserId,
    /// Its name, unique among its owner's spaces.
    pub name: SpaceName,
    /// What the owner wrote about it.
    pub description: String,
    /// The template it was made from.
    pub template_id: TemplateId,
    /// The version of the template it is pinned to.
    pub template_version_id: TemplateVersionId,
    /// Where it is in its life.
    pub state: SpaceState,
    /// The container's address in the engine's network, while it runs.
    pub address: Option<IpAddr>,
    /// What it consumes while it is starting, running or stopping.
    pub compute_units: i64,
    /// What it consumes until it is deleted: GiB of declared volumes.
    pub storage_units: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last became running.
    pub started_at: Option<Timestamp>,
    /// When it last became stopped.
    pub stopped_at: Option<Timestamp>,
    /// Counts its changes, beginning with 1.
    pub revision: i64,
}
