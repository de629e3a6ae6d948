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
    /// Whether visitors are let in. While they are not, name and hostname stay taken, and a visitor
    /// can't tell the tunnel from one that doesn't exist.
    #[serde(default = "enabled_before_it_was_said")]
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Events from before tunnels could be disabled say nothing of it.
const fn enabled_before_it_was_said() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_tunnel_from_before_tunnels_could_be_disabled_is_enabled() {
        let tunnel = Tunnel {
            id: TunnelId::new(Uuid::from_u128(1)),
            space_id: SpaceId::new(Uuid::from_u128(2)),
            owner_id: UserId::new(Uuid::from_u128(3)),
            name: "web".parse().expect("a name"),
            port: 80,
            host: "web--ada.tunnels.localhost".to_owned(),
            enabled: false,
            created_at: Timestamp::from_millis(0),
        };
        let mut kept = serde_json::to_value(&tunnel).expect("serialises");
        let read = |kept| serde_json::from_value::<Tunnel>(kept).expect("is read");
        assert_eq!(read(kept.clone()), tunnel);
        let fields = kept.as_object_mut().expect("an object");
        fields.remove("enabled").expect("it is said");
        assert!(read(kept).enabled);
    }
}
