//! A public hostname for one port of one space.

use serde::{Deserialize, Serialize};

use crate::{
    id::{SpaceId, TunnelId, UserId},
    name::TunnelName,
    time::Timestamp,
};

/// A tunnel. Whoever knows its hostname reaches the port without signing in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tunnel {
    /// Which tunnel.
    pub id: TunnelId,
    /// The space it leads into.
    pub space_id: SpaceId,
    /// Who owns tunnel and space.
    pub owner_id: UserId,
    /// Its name, unique among its owner's tunnels.
    pub name: TunnelName,
    /// The port inside the space.
    pub port: u16,
    /// The whole hostname, in lower case.
    pub host: String,
    /// When it was made.
    pub created_at: Timestamp,
}
