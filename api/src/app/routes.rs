//! What the edge is told.
//!
//! A feed begins with the whole table and goes on with every change, in order; one that resumes
//! behind a cursor begins with what it missed. Each message holds everything that is known of what
//! it names, as it is by now, so that it can be repeated without harm.

use std::sync::Arc;

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use spaceport_domain::{
    event::{Cursor, Event, EventBody},
    id::SpaceId,
    route::{RouteChange, RouteEvent, SpaceRoutes, TunnelRoute},
};

use super::{App, AppError, AppResult};
use crate::store::{RoutedSpace, StoreError};

impl App {
    /// What the edge must know of every space, and of everybody.
    pub async fn route_changes(
        self: &Arc<Self>,
        after: Option<Cursor>,
    ) -> AppResult<impl Stream<Item = AppResult<RouteEvent>> + Send + use<>> {
        let is_resumable = match after {
            Some(after) => self.store.is_resumable(after).await?,
            None => false,
        };
        let (first, from) = match after.filter(|_| is_resumable) {
            Some(after) => (None, after),
            None => {
                let table = self.store.route_table(self.now()).await?;
                let snapshot = RouteEvent {
                    cursor: table.cursor.to_string(),
                    change: RouteChange::Snapshot,
                    spaces: table.spaces.into_iter().map(routes).collect(),
                    people: table.people,
                };
                (Some(Ok(snapshot)), table.cursor)
            }
        };
        let app = Arc::clone(self);
        let changes = self.events.follow(from).try_filter_map(move |event| {
            let app = Arc::clone(&app);
            async move { app.route_event(&event).await }
        });
        Ok(stream::iter(first).chain(changes.map_err(AppError::from)))
    }

    async fn route_event(&self, event: &Event) -> Result<Option<RouteEvent>, StoreError> {
        let (spaces, people) = match &event.body {
            EventBody::Space { space, .. } => (self.routes_into(space.id).await?, Vec::new()),
            EventBody::Tunnel { tunnel, .. } => {
                (self.routes_into(tunnel.space_id).await?, Vec::new())
            }
            EventBody::User { user_id }
            | EventBody::Access { user_id }
            | EventBody::SignInEnded { user_id, .. } => {
                let person = self.store.routed_person(*user_id, self.now()).await?;
                (Vec::new(), vec![person])
            }
        };
        let says_something = !(spaces.is_empty() && people.is_empty());
        Ok(says_something.then(|| RouteEvent {
            cursor: event.cursor.to_string(),
            change: RouteChange::Spaces,
            spaces,
            people,
        }))
    }

    async fn routes_into(&self, space: SpaceId) -> Result<Vec<SpaceRoutes>, StoreError> {
        let routed = self.store.routed_space(space).await?;
        Ok(routed.into_iter().map(routes).collect())
    }
}

fn routes(routed: RoutedSpace) -> SpaceRoutes {
    let RoutedSpace {
        space,
        owner_name,
        shares,
        features,
        ports,
        tunnels,
    } = routed;
    // To the edge, and so to visitors, a disabled tunnel is none.
    let enabled = tunnels.into_iter().filter(|tunnel| tunnel.enabled);
    let tunnels = enabled.map(|tunnel| TunnelRoute {
        id: tunnel.id,
        host: tunnel.host,
        port: tunnel.port,
    });
    SpaceRoutes {
        space_id: space.id,
        space_name: space.name.to_string(),
        owner_id: space.owner_id,
        owner_name,
        shared_with: shares.into_iter().map(|share| share.user_id).collect(),
        status: space.state.status,
        address: space.address,
        features,
        ports,
        tunnels: tunnels.collect(),
    }
}
