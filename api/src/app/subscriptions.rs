//! What happens, as it happens.
//!
//! A subscription begins with the current state and goes on with every change, in order. One that
//! resumes behind a cursor begins with what it missed instead. When that is no longer kept, it is
//! told so by a reset, and gets the current state.

use std::sync::Arc;

use futures_util::{
    Stream, StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use spaceport_domain::{
    access::{Actor, Sight},
    event::{Cursor, Event, EventBody, SpaceChange, TunnelChange},
    id::SpaceId,
    problem::Problem,
    quota::{Limits, Units},
    route::{RouteChange, RouteEvent, SpaceRoutes, TunnelRoute},
    space::Space,
    tunnel::Tunnel,
};

use super::{App, AppError, AppResult};
use crate::store::StoreError;

/// What an update says of its thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update<C> {
    /// The thing as it is, at the beginning.
    Snapshot,
    /// What was missed is no longer kept; snapshots follow.
    Reset,
    /// It changed in this way.
    Changed(C),
}

/// One message of a subscription.
#[derive(Clone, Debug)]
pub struct Message<C, T> {
    /// Where to resume; `None` inside a snapshot of several things, which can't be resumed.
    pub cursor: Option<Cursor>,
    /// What is said.
    pub update: Update<C>,
    /// Of what; `None` with a reset.
    pub thing: Option<Arc<T>>,
}

/// An update of a space.
pub type SpaceMessage = Message<SpaceChange, Space>;
/// An update of a tunnel.
pub type TunnelMessage = Message<TunnelChange, Tunnel>;

type Messages<C, T> = Vec<Message<C, T>>;

impl App {
    /// One space.
    pub async fn space_changes(
        &self,
        actor: &Actor,
        id: SpaceId,
        after: Option<Cursor>,
    ) -> AppResult<impl Stream<Item = AppResult<SpaceMessage>> + Send + use<>> {
        let sight = actor.sees();
        let Some((head, space)) = self.store.space_with_cursor(sight, id).await? else {
            return Err(Problem::not_found("space").into());
        };
        let (first, from) = match self.resumable(after).await? {
            Some(after) => (Vec::new(), after),
            None => beginning(after, head, vec![space]),
        };
        Ok(self.space_messages(first, from, move |space| {
            space.id == id && sight.includes(space.owner_id)
        }))
    }

    /// Every space `actor` may see.
    pub async fn spaces_changes(
        &self,
        actor: &Actor,
        after: Option<Cursor>,
    ) -> AppResult<impl Stream<Item = AppResult<SpaceMessage>> + Send + use<>> {
        let sight = actor.sees();
        let (first, from) = match self.resumable(after).await? {
            Some(after) => (Vec::new(), after),
            None => {
                let (head, spaces) = self.store.spaces_with_cursor(sight).await?;
                beginning(after, head, spaces)
            }
        };
        Ok(self.space_messages(first, from, move |space| sight.includes(space.owner_id)))
    }

    fn space_messages(
        &self,
        first: Messages<SpaceChange, Space>,
        from: Cursor,
        seen: impl Fn(&Space) -> bool + Send + 'static,
    ) -> BoxStream<'static, AppResult<SpaceMessage>> {
        let changes = self.events.follow(from).map_err(AppError::from);
        let changes = changes.try_filter_map(move |event| {
            let message = match &event.body {
                EventBody::Space { change, space } if seen(space) => {
                    Some(changed(&event, *change, space.clone()))
                }
                _ => None,
            };
            std::future::ready(Ok(message))
        });
        stream::iter(first).map(Ok).chain(changes).boxed()
    }

    /// Every tunnel `actor` may see.
    pub async fn tunnels_changes(
        &self,
        actor: &Actor,
        after: Option<Cursor>,
    ) -> AppResult<impl Stream<Item = AppResult<TunnelMessage>> + Send + use<>> {
        let sight = actor.sees();
        let (first, from) = match self.resumable(after).await? {
            Some(after) => (Vec::new(), after),
            None => {
                let (head, tunnels) = self.store.tunnels_with_cursor(sight).await?;
                beginning(after, head, tunnels)
            }
        };
        let changes = self.events.follow(from).map_err(AppError::from);
        let changes = changes.try_filter_map(move |event| {
            let message = match &event.body {
                EventBody::Tunnel { change, tunnel } if sight.includes(tunnel.owner_id) => {
                    Some(changed(&event, *change, tunnel.clone()))
                }
                _ => None,
            };
            std::future::ready(Ok(message))
        });
        Ok(stream::iter(first).map(Ok).chain(changes))
    }

    /// What the actor may consume and does, at first and whenever it changes.
    pub async fn quota_changes(
        self: &Arc<Self>,
        actor: &Actor,
    ) -> AppResult<impl Stream<Item = AppResult<(Limits, Units)>> + Send + use<>> {
        let user = actor.user_id;
        let head = self.store.current_head().await?;
        let app = Arc::clone(self);
        let concerning = self
            .events
            .follow(head)
            .try_filter(move |event| std::future::ready(event.body.owner_id() == user));
        let ticks = stream::once(std::future::ready(Ok(()))).chain(concerning.map_ok(|_| ()));
        let mut last = None;
        let quotas = ticks.and_then(move |()| {
            let app = Arc::clone(&app);
            async move { Ok(app.store.quotas(&[user]).await?.remove(&user)) }
        });
        Ok(quotas.map_err(AppError::from).try_filter_map(move |quota| {
            let news = quota.filter(|quota| last.replace(*quota) != Some(*quota));
            std::future::ready(Ok(news))
        }))
    }

    /// What the edge must know of spaces that have tunnels.
    pub async fn route_changes(
        self: &Arc<Self>,
        after: Option<Cursor>,
    ) -> AppResult<impl Stream<Item = AppResult<RouteEvent>> + Send + use<>> {
        let (first, from) = match self.resumable(after).await? {
            Some(after) => (None, after),
            None => {
                let (head, routed) = self.store.routed_spaces_with_cursor().await?;
                let spaces = routed
                    .into_iter()
                    .map(|(space, tunnels)| routes(&space, &tunnels));
                let snapshot = RouteEvent {
                    cursor: head.to_string(),
                    change: RouteChange::Snapshot,
                    spaces: spaces.collect(),
                };
                (Some(Ok(snapshot)), head)
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
        let Some(id) = event.body.space_id() else {
            return Ok(None);
        };
        let tunnels = self.store.tunnels_of(&[id]).await?;
        if tunnels.is_empty() && matches!(event.body, EventBody::Space { .. }) {
            return Ok(None);
        }
        let Some(space) = self.store.space(Sight::All, id).await? else {
            return Ok(None);
        };
        Ok(Some(RouteEvent {
            cursor: event.cursor.to_string(),
            change: RouteChange::Spaces,
            spaces: vec![routes(&space, &tunnels)],
        }))
    }

    async fn resumable(&self, after: Option<Cursor>) -> AppResult<Option<Cursor>> {
        match after {
            Some(after) if self.store.is_resumable(after).await? => Ok(Some(after)),
            _ => Ok(None),
        }
    }
}

/// The first messages of a subscription that can't resume behind `after`, and where the changes
/// that follow them begin.
fn beginning<C, T>(
    after: Option<Cursor>,
    head: Cursor,
    things: Vec<T>,
) -> (Messages<C, T>, Cursor) {
    let mut messages = Vec::with_capacity(things.len() + 1);
    if after.is_some() {
        messages.push(Message {
            cursor: None,
            update: Update::Reset,
            thing: None,
        });
    }
    messages.extend(things.into_iter().map(|thing| Message {
        cursor: None,
        update: Update::Snapshot,
        thing: Some(Arc::new(thing)),
    }));
    if let Some(last) = messages.last_mut() {
        last.cursor = Some(head);
    }
    (messages, head)
}

fn changed<C, T>(event: &Event, change: C, thing: T) -> Message<C, T> {
    Message {
        cursor: Some(event.cursor),
        update: Update::Changed(change),
        thing: Some(Arc::new(thing)),
    }
}

fn routes(space: &Space, tunnels: &[Tunnel]) -> SpaceRoutes {
    let tunnels = tunnels.iter().map(|tunnel| TunnelRoute {
        id: tunnel.id,
        host: tunnel.host.clone(),
        port: tunnel.port,
    });
    SpaceRoutes {
        space_id: space.id,
        space_name: space.name.to_string(),
        owner_id: space.owner_id,
        status: space.state.status,
        address: space.address,
        tunnels: tunnels.collect(),
    }
}
