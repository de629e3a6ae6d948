//! Looking into a running space: what it writes and what it uses.

use std::{future::ready, pin::pin, sync::Arc, time::Duration};

use futures_util::{StreamExt, future::BoxFuture, stream::BoxStream};
use spaceport_domain::{
    access::{Actor, Sight},
    event::{Cursor, Event, EventBody},
    id::SpaceId,
    lifecycle::Status,
    problem::{Problem, ProblemCode},
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

/// How long to wait before a stream that broke off is opened again.
const REOPEN: Duration = Duration::from_secs(1);

/// From where on a container is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beginning {
    /// From its last lines on: it is the first one.
    Tail,
    /// From its start on: it followed another one.
    Start,
    /// From now on: its stream broke off.
    Now,
}

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
        self.look_into(actor, id, move |container, beginning| {
            let app = Arc::clone(&app);
            let tail = match beginning {
                Beginning::Tail => tail,
                Beginning::Start => TAIL_MAX,
                Beginning::Now => 0,
            };
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
        open: impl Fn(ContainerRef, Beginning) -> BoxFuture<'static, Opened<T>> + Send + Sync + 'static,
    ) -> AppResult<BoxStream<'static, T>> {
        let seen = self.store.space_with_cursor(actor.sees(), id).await?;
        let (head, space) = seen.ok_or_else(|| Problem::not_found("space"))?;
        if !actor.manages(space.owner_id) {
            let message = "what goes on in the space is not shared with you";
            return Err(Problem::new(ProblemCode::Forbidden, message).into());
        }
        let (sender, mut receiver) = mpsc::channel(AHEAD_MAX);
        let lost = self.lost(actor.clone(), id, head);
        let app = Arc::clone(self);
        let forward = async move {
            let mut cursor = head;
            let mut last = None;
            while let Some(container) = app.next_container(id, &mut cursor).await {
                // A container that goes on after its stream has ended was not told to its end.
                let goes_on = last == Some(container);
                if goes_on {
                    tokio::time::sleep(REOPEN).await;
                }
                let beginning = match last {
                    None => Beginning::Tail,
                    Some(_) if goes_on => Beginning::Now,
                    Some(_) => Beginning::Start,
                };
                if let Ok(mut items) = open(container, beginning).await {
                    last = Some(container);
                    while let Some(item) = items.next().await {
                        if sender.send(item).await.is_err() {
                            return;
                        }
                    }
                } else {
                    tokio::time::sleep(REOPEN).await;
                }
            }
        };
        let task = tokio::spawn(async move {
            tokio::select! {
                () = forward => {}
                () = lost => {}
            }
        });
        let abort = AbortOnDrop(task.abort_handle());
        Ok(Box::pin(futures_util::stream::poll_fn(move |context| {
            let _held = &abort;
            receiver.poll_recv(context)
        })))
    }

    /// Waits until a space is handed over to somebody for whom `actor` doesn't manage it.
    fn lost(
        &self,
        actor: Actor,
        id: SpaceId,
        after: Cursor,
    ) -> impl Future<Output = ()> + Send + use<> {
        let is_lost = move |event: &Event| match &event.body {
            EventBody::Space { space, .. } => space.id == id && !actor.manages(space.owner_id),
            _ => false,
        };
        let events = self.events.keep_following(after);
        async move {
            let mut losses = pin!(events.filter(|event| ready(is_lost(event))));
            losses.next().await;
        }
    }

    /// Waits until the space has a running container. `None` when it never will again.
    async fn next_container(&self, id: SpaceId, cursor: &mut Cursor) -> Option<ContainerRef> {
        loop {
            match self.store.space(Sight::All, id).await {
                Ok(Some(space)) => match space.state.status {
                    Status::Deleting | Status::Deleted => return None,
                    Status::Running => {
                        let instance = space.state.instance;
                        return Some(ContainerRef {
                            space: id,
                            instance,
                        });
                    }
                    _ => {}
                },
                Ok(None) => return None,
                Err(_) => {
                    tokio::time::sleep(REOPEN).await;
                    continue;
                }
            }
            let mut events = pin!(self.events.follow(*cursor));
            while let Some(Ok(event)) = events.next().await {
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
