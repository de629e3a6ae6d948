//! Subscriptions.

use async_graphql::{
    Context, Error, ErrorExtensions, ID, Result, Subscription as SubscriptionObject,
};
use futures_util::{Stream, StreamExt, TryStreamExt};
use spaceport_domain::{event::Cursor, id::SpaceId, problem::Problem};

use super::{
    caller::Call,
    transport::Position,
    types::{
        quota::Quota,
        routes::RouteEvent,
        space::{LogLine, SpaceEvent, SpaceStats},
        tunnel::TunnelEvent,
    },
};
use crate::app::{
    AppError, AppResult,
    subscriptions::{Begin, Message, Messages},
};

/// Everything that can be followed as it happens.
pub struct Subscription;

fn cursor(after: Option<String>) -> Result<Option<Cursor>> {
    let parsed = after.map(|after| after.parse()).transpose();
    parsed.map_err(|error: spaceport_domain::event::CursorError| {
        Error::new(error.to_string())
            .extend_with(|_, extensions| extensions.set("code", "INVALID_INPUT"))
    })
}

/// Where a subscription begins, and where it tells how far it has come.
fn place(context: &Context<'_>, after: Option<String>) -> Result<(Begin, Position)> {
    let position = Position::of(context);
    let begin = match (position.resume(), cursor(after)?) {
        (Some(seq), _) => Begin::GoOn(Cursor::new(seq)),
        (None, Some(after)) => Begin::Behind(after),
        (None, None) => Begin::Now,
    };
    Ok((begin, position))
}

/// The same messages; the place of each that is told as it happens is told before it is given.
fn placed<C, I, T>(
    messages: Messages<impl Stream<Item = AppResult<Message<C, I, T>>>>,
    position: Position,
) -> impl Stream<Item = AppResult<Message<C, I, T>>> {
    let live_from = messages.live_from;
    messages.stream.inspect_ok(move |message| {
        if let Some(cursor) = message.cursor.filter(|cursor| *cursor >= live_from) {
            position.reach(cursor.seq());
        }
    })
}

fn space_id(id: &ID) -> Result<SpaceId, AppError> {
    id.parse().map_err(|_| Problem::not_found("space").into())
}

/// Everything that can be followed as it happens.
#[SubscriptionObject]
impl Subscription {
    /// One space: as it is, then every change, in order.
    async fn space_changed(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The space.")] id: ID,
        #[graphql(desc = "Resume behind this cursor instead of beginning with the current state.")]
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<SpaceEvent>> + use<>> {
        let (app, actor) = (context.app()?, context.actor()?);
        let (begin, place) = place(context, after)?;
        let changes = app.space_changes(actor, space_id(&id)?, begin).await?;
        Ok(placed(changes, place)
            .map_ok(SpaceEvent::from)
            .map_err(Error::from))
    }

    /// Every space the viewer may see: as they are, then every change, in order.
    async fn spaces_changed(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Resume behind this cursor instead of beginning with the current state.")]
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<SpaceEvent>> + use<>> {
        let (app, actor) = (context.app()?, context.actor()?);
        let (begin, place) = place(context, after)?;
        let changes = app.spaces_changes(actor, begin).await?;
        Ok(placed(changes, place)
            .map_ok(SpaceEvent::from)
            .map_err(Error::from))
    }

    /// Every tunnel the viewer may see: as they are, then every change, in order.
    async fn tunnels_changed(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Resume behind this cursor instead of beginning with the current state.")]
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<TunnelEvent>> + use<>> {
        let (app, actor) = (context.app()?, context.actor()?);
        let (begin, place) = place(context, after)?;
        let changes = app.tunnels_changes(actor, begin).await?;
        Ok(placed(changes, place)
            .map_ok(TunnelEvent::from)
            .map_err(Error::from))
    }

    /// What the viewer may consume and does: now, then whenever it changes.
    async fn quota_changed(
        &self,
        context: &Context<'_>,
    ) -> Result<impl Stream<Item = Result<Quota>> + use<>> {
        let changes = context.app()?.quota_changes(context.actor()?).await?;
        Ok(changes.map_ok(Quota::from).map_err(Error::from))
    }

    /// The last lines a space wrote, then every line after them, over restarts of the space.
    async fn space_logs(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The space.")] id: ID,
        #[graphql(desc = "How many lines of the past, at most 10000; 100 when absent.")]
        tail: Option<i32>,
    ) -> Result<impl Stream<Item = LogLine> + use<>> {
        let (app, actor) = (context.app()?, context.actor()?);
        let lines = app
            .space_logs(actor, space_id(&id)?, tail.map(i64::from))
            .await?;
        Ok(lines.map(LogLine::from))
    }

    /// What a space uses, each second or so, over restarts of the space.
    async fn space_stats(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The space.")] id: ID,
    ) -> Result<impl Stream<Item = SpaceStats> + use<>> {
        let stats = context
            .app()?
            .space_stats(context.actor()?, space_id(&id)?)
            .await?;
        Ok(stats.map(SpaceStats::from))
    }

    /// What the edge must know to reach spaces, and to know who may enter them. For the edge alone.
    async fn routes_changed(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Resume behind this cursor instead of beginning with the whole table.")]
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<RouteEvent>> + use<>> {
        context.require_edge()?;
        let changes = context.app()?.route_changes(cursor(after)?).await?;
        Ok(changes.map_ok(RouteEvent::from).map_err(Error::from))
    }
}
