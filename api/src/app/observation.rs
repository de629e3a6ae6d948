//! Looking into a running space: what it writes and what it uses.

use std::sync::Arc;

use futures_util::{StreamExt, future::BoxFuture, stream::BoxStream};
use spaceport_domain::{
    access::{Actor, Sight},
    event::Cursor,
    id::SpaceId,
    lifecycle::Status,
    problem::Problem,
};
use tokio::sync::mpsc;

use super::{App, AppResult};
use crate::{
    engine::{ContainerRef, EngineError, LogLine, Stats, VolumeSpec, VolumeUsage},
    store::Volume,
};

/// The most lines of the past a log begins with.
const TAIL_MAX: u32 = 10_000;
/// The lines of the past a log begins with when nobody says.
const TAIL_DEFAULT: u32 = 100;
/// How many items wait for a slow reader; behind them the engine waits.
const AHEAD_MAX: usize = 64;

type Opened<T> = Result<BoxStream<'static, T>, EngineError>;

impl App {
    /// The last lines a space wrote and every line after them, over restarts of the space.
    pub async fn space_logs(
        self: &Arc<Self>,
        actor: &Actor,
        id: SpaceId,
        tail: Option<i64>,
    ) -> AppResult<BoxStream<'static, LogLine>> {
        let tail = tail.map_or(TAIL_DEFAULT, |tail| {
            u32::try_from(tail.clamp(0, TAIL_MAX.into())).unwrap_or(TAIL_MAX)
        });
        let app = Arc::clone(self);
        self.look_into(actor, id, move |container, first| {
            let app = Arc::clone(&app);
            // What a later container writes is wanted from its beginning.
            let tail = if first { tail } else { TAIL_MAX };
            Box::pin(async move { app.engine.logs(container, tail).await })
        })
        .await
    }

    /// What a space uses, each second or so, over restarts of the space.
    pub async fn space_stats(
        self: &Arc<Self>,
        actor: &Actor,
        id: SpaceId,
    ) -> AppResult<BoxStream<'static, Stats>> {
        let app = Arc::clone(self);
        self.look_into(actor, id, move |container, _| {
            let app = Arc::clone(&app);
            Box::pin(async move { app.engine.stats(container).await })
        })
        .await
    }

    /// Opens a stream of each container the space has, one after the other, until the space is
    /// deleted or nobody listens.
    async fn look_into<T: Send + 'static>(
        self: &Arc<Self>,
        actor: &Actor,
        id: SpaceId,
        open: impl Fn(ContainerRef, bool) -> BoxFuture<'static, Opened<T>> + Send + Sync + 'static,
    ) -> AppResult<BoxStream<'static, T>> {
        let seen = self.store.space_with_cursor(actor.sees(), id).await?;
        let (mut cursor, _) = seen.ok_or_else(|| Problem::not_found("space"))?;
        let (sender, mut receiver) = mpsc::channel(AHEAD_MAX);
        let app = Arc::clone(self);
        let forward = async move {
            let mut done = None;
            while let Some(container) = app.next_container(id, done, &mut cursor).await {
                if let Ok(mut items) = open(container, done.is_none()).await {
                    while let Some(item) = items.next().await {
                        if sender.send(item).await.is_err() {
                            return;
                        }
                    }
                }
                done = Some(container.instance);
            }
        };
        let task = tokio::spawn(forward);
        let abort = AbortOnDrop(task.abort_handle());
        Ok(Box::pin(futures_util::stream::poll_fn(move |context| {
            let _held = &abort;
            receiver.poll_recv(context)
        })))
    }

    /// Waits for a container of the space newer than `done`. `None` when there will be none.
    async fn next_container(
        &self,
        id: SpaceId,
        done: Option<u32>,
        cursor: &mut Cursor,
    ) -> Option<ContainerRef> {
        let mut events = std::pin::pin!(self.events.follow(*cursor));
        loop {
            let space = self.store.space(Sight::All, id).await.ok()??;
            let instance = space.state.instance;
            match space.state.status {
                Status::Deleting | Status::Deleted => return None,
                Status::Running if Some(instance) != done => {
                    return Some(ContainerRef {
                        space: id,
                        instance,
                    });
                }
                _ => {}
            }
            loop {
                let event = events.next().await?.ok()?;
                *cursor = event.cursor;
                if event.body.space_id() == Some(id) {
                    break;
                }
            }
        }
    }

    /// What volumes use, in the same order.
    pub async fn volume_usage(&self, volumes: &[Volume]) -> Vec<VolumeUsage> {
        let specs: Vec<_> = volumes.iter().map(spec).collect();
        self.engine.volume_usage(&specs).await
    }
}

/// The volume as the engine is told of it.
pub(crate) fn spec(volume: &Volume) -> VolumeSpec {
    VolumeSpec {
        id: volume.id,
        space: volume.space_id,
        size_gib: volume.size_gib,
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
