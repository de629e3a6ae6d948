//! What the edge must know to carry a visitor into a space.
//!
//! The control plane sends routes by space: [`SpaceRoutes`] holds everything the edge knows of one
//! space, so that a message replaces what was known before and can be repeated without harm.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    id::{SpaceId, TunnelId, UserId},
    lifecycle::Status,
};

/// All routes into one space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpaceRoutes {
    /// The space.
    pub space_id: SpaceId,
    /// Its name, for pages that speak of it.
    pub space_name: String,
    /// Who owns it.
    pub owner_id: UserId,
    /// Whom it is shared with.
    #[serde(default)]
    pub shared_with: Vec<UserId>,
    /// Where it is in its life; only a running space is dialled.
    pub status: Status,
    /// The container's address in the engine's network, while it has one.
    pub address: Option<IpAddr>,
    /// The public hostnames into it that are enabled. Empty once the space is deleted.
    pub tunnels: Vec<TunnelRoute>,
}

/// A public hostname for one port of a space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TunnelRoute {
    /// The tunnel.
    pub id: TunnelId,
    /// The whole hostname, in lower case, without a port.
    pub host: String,
    /// The port inside the space.
    pub port: u16,
}

/// Whether a message replaces everything or only the spaces it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RouteChange {
    /// The message is the whole table: what it doesn't name is gone.
    Snapshot,
    /// The message replaces what is known of the spaces it names, and nothing else.
    Spaces,
}

/// One message of the feed from the control plane to the edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteEvent {
    /// Position in the event log; sent back as `after` to resume.
    pub cursor: String,
    /// How to apply `spaces`.
    pub change: RouteChange,
    /// The spaces whose routes are given.
    pub spaces: Vec<SpaceRoutes>,
}
