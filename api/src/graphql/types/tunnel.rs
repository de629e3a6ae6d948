//! Tunnels.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use spaceport_domain::tunnel;

use super::{enums::TunnelChange, scalars::DateTime, space::Space};
use crate::{
    app::subscriptions::{TunnelMessage, Update},
    graphql::{caller::Call, loaders::Loaders},
};

/// A public hostname for one port of one space. Whoever knows it reaches the port without signing
/// in.
#[derive(Clone)]
pub struct Tunnel(pub Arc<tunnel::Tunnel>);

/// A public hostname for one port of one space. Whoever knows it reaches the port without signing
/// in.
#[Object]
impl Tunnel {
    /// The tunnel's global identifier.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Its name, unique among its owner's tunnels.
    async fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// The port inside the space.
    async fn port(&self) -> i32 {
        self.0.port.into()
    }

    /// Whether visitors are let in. While they are not, the tunnel keeps its name and counts in the
    /// quota, and visitors get what they get for a name that doesn't exist.
    async fn enabled(&self) -> bool {
        self.0.enabled
    }

    /// The public address. Another name makes another address.
    async fn url(&self, context: &Context<'_>) -> Result<String> {
        Ok(context.app()?.settings.edge_url(&self.0.host))
    }

    /// The space it leads into.
    async fn space(&self, context: &Context<'_>) -> Option<Result<Space>> {
        Loaders::of(context)
            .space(self.0.space_id)
            .await
            .transpose()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}

/// A change of a tunnel.
#[derive(SimpleObject)]
pub struct TunnelEvent {
    /// Where to resume. Absent in the middle of a snapshot, where nothing can be resumed: keep the
    /// last one you got.
    cursor: Option<String>,
    /// What the event says.
    change: TunnelChange,
    /// The tunnel after the change, or before its deletion; absent with `RESET`.
    tunnel: Option<Tunnel>,
}

impl From<TunnelMessage> for TunnelEvent {
    fn from(message: TunnelMessage) -> Self {
        use spaceport_domain::event::TunnelChange as Change;
        Self {
            cursor: message.cursor.map(|cursor| cursor.to_string()),
            change: match message.update {
                Update::Snapshot => TunnelChange::Snapshot,
                Update::Reset => TunnelChange::Reset,
                Update::Changed(Change::Created) => TunnelChange::Created,
                Update::Changed(Change::Updated) => TunnelChange::Updated,
                Update::Changed(Change::Deleted) | Update::Lost => TunnelChange::Deleted,
            },
            tunnel: message.thing.map(Tunnel),
        }
    }
}
