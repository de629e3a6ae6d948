//! What happens, as it happens.
//!
//! A subscription begins with the current state and goes on with every change, in order. One that
//! resumes behind a cursor begins with what it missed instead. When that is no longer kept, it is
//! told so by a reset, and gets the current state.

use std::{collections::HashSet, sync::Arc};

use futures_util::{
    Stream, StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use spaceport_domain::{
    access::{Actor, Sight},
    event::{Cursor, Event, EventBody, SpaceChange, Told, TunnelChange},
    id::{SpaceId, TunnelId},
    problem::Problem,
    quota::{Limits, Units},
    route::{RouteChange, RouteEvent, SpaceRoutes, TunnelRoute},
    space::Space,
    tunnel::Tunnel,
};

use super::{App, AppError, AppResult};
use crate::store::{RoutedSpace, StoreError};

/// Where a subscription begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// With the current state.
    Now,
    /// With what was missed behind this cursor, of what may be seen now.
    Behind(Cursor),
    /// Where another run of the same subscription stood, as if it had gone on.
    GoOn(Cursor),
}

impl Begin {
    fn cursor(self) -> Option<Cursor> {
        match self {
            Self::Now => None,
            Self::Behind(cursor) | Self::GoOn(cursor) => Some(cursor),
        }
    }
}

/// The messages of a subscription.
pub struct Messages<S> {
    /// From here on they are told as they happen; before, what was missed is made up for.
    pub live_from: Cursor,
    /// The messages, without end.
    pub stream: S,
}

/// What an update says of its thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update<C> {
    /// The thing as it is, at the beginning.
    Snapshot,
    /// What was missed is no longer kept, or what the actor may see has changed; snapshots follow.
    Reset,
    /// It changed in this way.
    Changed(C),
    /// The actor may not see it any more.
    Lost,
}

/// One message of a subscription.
#[derive(Clone, Debug)]
pub struct Message<C, I, T> {
    /// Where to resume; `None` inside a snapshot of several things, which can't be resumed.
    pub cursor: Option<Cursor>,
    /// What is said.
    pub update: Update<C>,
    /// Of which thing; `None` with a reset.
    pub id: Option<I>,
    /// The thing after the change; `None` with a reset and a loss.
    pub thing: Option<Arc<T>>,
}

/// An update of a space.
pub type SpaceMessage = Message<SpaceChange, SpaceId, Space>;
/// An update of a tunnel.
pub type TunnelMessage = Message<TunnelChange, TunnelId, Tunnel>;

type Beginning<C, I, T> = Vec<Message<C, I, T>>;

/// What somebody may see of the log they follow.
///
/// Each event says who could see it when it was committed. For what is missed while away that is
/// not enough: who may not see a space any more gets nothing of its past either, but that it is
/// lost.
struct Eyes {
    sight: Sight,
    /// For what was committed before the subscription began: the spaces seen at its beginning.
    /// `None` when nothing is made up for, or nothing is hidden.
    missed: Option<(Cursor, HashSet<SpaceId>)>,
}

impl Eyes {
    /// From where on events are told as they happen, of those behind `from`.
    fn live_from(&self, from: Cursor) -> Cursor {
        self.missed.as_ref().map_or(from, |(until, _)| *until)
    }

    fn told(&self, event: &Event) -> Option<Told> {
        let told = event.body.told_to(self.sight)?;
        let is_hidden = match (&event.body, &self.missed) {
            (EventBody::Space { space, .. }, Some((until, seen))) => {
                told == Told::Whole && event.cursor <= *until && !seen.contains(&space.id)
            }
            // A tunnel is its owner's alone, and its end is to be told after the space is gone.
            _ => false,
        };
        (!is_hidden).then_some(told)
    }
}

impl App {
    /// One space. Ends with its loss.
    pub async fn space_changes(
        &self,
        actor: &Actor,
        id: SpaceId,
        begin: Begin,
    ) -> AppResult<Messages<impl Stream<Item = AppResult<SpaceMessage>> + Send + use<>>> {
        let resumed = self.resumable(actor, begin).await?;
        let seen = match (begin, &resumed) {
            // Who has just lost it is still to be told of that.
            (Begin::GoOn(_), Some(_)) => None,
            _ => {
                let seen = self.store.space_with_cursor(actor.sees(), id).await?;
                Some(seen.ok_or_else(|| Problem::not_found("space"))?)
            }
        };
        let (first, from, eyes) = match (resumed, seen) {
            (Some((after, eyes)), _) => (Vec::new(), after, eyes),
            (None, Some((head, space))) => beginning(actor, begin, head, vec![(id, space)]),
            (None, None) => return Err(Problem::not_found("space").into()),
        };
        let live_from = eyes.live_from(from);
        let changes = self.space_messages(first, from, eyes, Some(id));
        // The message of the loss is the last.
        let stream = stream::unfold(Some(changes), async |changes| {
            let mut changes = changes?;
            let message = changes.next().await?;
            let is_lost = matches!(&message, Ok(message) if message.update == Update::Lost);
            Some((message, (!is_lost).then_some(changes)))
        });
        Ok(Messages { live_from, stream })
    }

    /// Every space `actor` may see.
    pub async fn spaces_changes(
        &self,
        actor: &Actor,
        begin: Begin,
    ) -> AppResult<Messages<impl Stream<Item = AppResult<SpaceMessage>> + Send + use<>>> {
        let (first, from, eyes) = match self.resumable(actor, begin).await? {
            Some((after, eyes)) => (Vec::new(), after, eyes),
            None => {
                let (head, spaces) = self.store.spaces_with_cursor(actor.sees()).await?;
                let spaces = spaces.into_iter().map(|space| (space.id, space)).collect();
                beginning(actor, begin, head, spaces)
            }
        };
        Ok(Messages {
            live_from: eyes.live_from(from),
            stream: self.space_messages(first, from, eyes, None),
        })
    }

    fn space_messages(
        &self,
        first: Beginning<SpaceChange, SpaceId, Space>,
        from: Cursor,
        eyes: Eyes,
        only: Option<SpaceId>,
    ) -> BoxStream<'static, AppResult<SpaceMessage>> {
        let changes = self.events.follow(from).map_err(AppError::from);
        let changes = changes.try_filter_map(move |event| {
            let message = match &event.body {
                EventBody::Space { change, space, .. }
                    if only.is_none_or(|only| only == space.id) =>
                {
                    let told = eyes.told(&event);
                    told.map(|told| changed(&event, told, *change, space.id, space))
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
        begin: Begin,
    ) -> AppResult<Messages<impl Stream<Item = AppResult<TunnelMessage>> + Send + use<>>> {
        let (first, from, eyes) = match self.resumable(actor, begin).await? {
            Some((after, eyes)) => (Vec::new(), after, eyes),
            None => {
                let (head, tunnels) = self.store.tunnels_with_cursor(actor.sees()).await?;
                let tunnels = tunnels.into_iter().map(|it| (it.id, it)).collect();
                beginning(actor, begin, head, tunnels)
            }
        };
        let live_from = eyes.live_from(from);
        let changes = self.events.follow(from).map_err(AppError::from);
        let changes = changes.try_filter_map(move |event| {
            let message = match &event.body {
                EventBody::Tunnel { change, tunnel } => {
                    let told = eyes.told(&event);
                    told.map(|told| changed(&event, told, *change, tunnel.id, tunnel))
                }
                _ => None,
            };
            std::future::ready(Ok(message))
        });
        let stream = stream::iter(first).map(Ok).chain(changes);
        Ok(Messages { live_from, stream })
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
            .try_filter(move |event| std::future::ready(event.body.concerns_quota_of(user)));
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

    /// What the edge must know of every space.
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
                let (head, routed) = self.store.routed_spaces_with_cursor().await?;
                let snapshot = RouteEvent {
                    cursor: head.to_string(),
                    change: RouteChange::Snapshot,
                    spaces: routed.into_iter().map(routes).collect(),
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
        let routed = self.store.routed_space(id).await?;
        Ok(routed.map(|routed| RouteEvent {
            cursor: event.cursor.to_string(),
            change: RouteChange::Spaces,
            spaces: vec![routes(routed)],
        }))
    }

    /// Where a subscription of `actor` goes on, and what it may see. `None` when it must begin
    /// anew.
    async fn resumable(&self, actor: &Actor, begin: Begin) -> AppResult<Option<(Cursor, Eyes)>> {
        let sight = actor.sees();
        let Some(after) = begin.cursor() else {
            return Ok(None);
        };
        if !self.store.is_resumable(after).await? {
            return Ok(None);
        }
        let missed = match (begin, sight) {
            // What can be seen may have become more, or less.
            (Begin::Behind(_), _) if self.is_access_changed(actor, after).await? => {
                return Ok(None);
            }
            (Begin::Behind(_), Sight::Of(user)) => Some(self.store.visible_space_ids(user).await?),
            _ => None,
        };
        Ok(Some((after, Eyes { sight, missed })))
    }

    async fn is_access_changed(&self, actor: &Actor, after: Cursor) -> AppResult<bool> {
        Ok(self.store.is_access_changed(actor.user_id, after).await?)
    }
}

/// The first messages of a subscription that can't resume, where the changes that follow them
/// begin, and what it may see of those.
fn beginning<C, I, T>(
    actor: &Actor,
    begin: Begin,
    head: Cursor,
    things: Vec<(I, T)>,
) -> (Beginning<C, I, T>, Cursor, Eyes) {
    let mut messages = Vec::with_capacity(things.len() + 1);
    if begin != Begin::Now {
        messages.push(Message {
            cursor: None,
            update: Update::Reset,
            id: None,
            thing: None,
        });
    }
    messages.extend(things.into_iter().map(|(id, thing)| Message {
        cursor: None,
        update: Update::Snapshot,
        id: Some(id),
        thing: Some(Arc::new(thing)),
    }));
    if let Some(last) = messages.last_mut() {
        last.cursor = Some(head);
    }
    let sight = actor.sees();
    let missed = None;
    (messages, head, Eyes { sight, missed })
}

fn changed<C, I, T: Clone>(
    event: &Event,
    told: Told,
    change: C,
    id: I,
    thing: &T,
) -> Message<C, I, T> {
    let (update, thing) = match told {
        Told::Whole => (Update::Changed(change), Some(Arc::new(thing.clone()))),
        Told::Loss => (Update::Lost, None),
    };
    Message {
        cursor: Some(event.cursor),
        update,
        id: Some(id),
        thing,
    }
}

fn routes(routed: RoutedSpace) -> SpaceRoutes {
    let RoutedSpace {
        space,
        shares,
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
        shared_with: shares.into_iter().map(|share| share.user_id).collect(),
        status: space.state.status,
        address: space.address,
        tunnels: tunnels.collect(),
    }
}
