//! What the edge is told.
//!
//! A feed begins with the whole table and goes on with every change, in order; one that resumes
//! behind a cursor begins with what it missed. Each message holds everything that is known of what
//! it names, as it is by now, so that it can be repeated without harm. Events that are there already
//! are told of together: a role of many people, or what was missed for long, costs few statements.

use std::sync::Arc;

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use spaceport_domain::{
    agent,
    event::{Cursor, Event},
    route::{AgentRoute, Concerned, RouteChange, RouteEvent, SpaceRoutes, TunnelRoute},
    space::Space,
};

use super::{App, AppError, AppResult};
use crate::store::{RoutedSpace, StoreError};

/// The most events that one message tells of, so that its statements name no more than this.
const TOGETHER_MAX: usize = 256;

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
                    spaces: self.routes(table.spaces),
                    people: table.people,
                };
                (Some(Ok(snapshot)), table.cursor)
            }
        };
        let app = Arc::clone(self);
        let together = self.events.follow(from).ready_chunks(TOGETHER_MAX);
        let changes = together.map(|events| events.into_iter().collect::<Result<Vec<_>, _>>());
        let changes = changes.try_filter_map(move |events| {
            let app = Arc::clone(&app);
            async move { app.route_event(&events).await }
        });
        Ok(stream::iter(first).chain(changes.map_err(AppError::from)))
    }

    /// What is known of all that `events` concern. It is read after the last of them, so that it
    /// includes each.
    async fn route_event(&self, events: &[Arc<Event>]) -> Result<Option<RouteEvent>, StoreError> {
        let Some(last) = events.last() else {
            return Ok(None);
        };
        let concerned = Concerned::by(events.iter().map(|event| &event.body));
        let routed = self.store.routed(&concerned, self.now()).await?;
        let says_something = !(routed.spaces.is_empty() && routed.people.is_empty());
        Ok(says_something.then(|| RouteEvent {
            cursor: last.cursor.to_string(),
            change: RouteChange::Spaces,
            spaces: self.routes(routed.spaces),
            people: routed.people,
        }))
    }

    fn routes(&self, routed: Vec<RoutedSpace>) -> Vec<SpaceRoutes> {
        let with_agent = |routed: RoutedSpace| {
            let agent = self.agent_route(&routed.space);
            routes(routed, agent)
        };
        routed.into_iter().map(with_agent).collect()
    }

    /// How the agent of a space is reached, while it runs and has one.
    fn agent_route(&self, space: &Space) -> Option<AgentRoute> {
        space.agent_version.as_ref().map(|_| AgentRoute {
            port: agent::PORT,
            secret: self.agent_secrets.secret(space.id, space.state.instance),
        })
    }
}

fn routes(routed: RoutedSpace, agent: Option<AgentRoute>) -> SpaceRoutes {
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
        agent,
        features,
        ports,
        tunnels: tunnels.collect(),
    }
}
