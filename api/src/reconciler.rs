//! Makes what is wanted true.
//!
//! It takes no input but wake-ups, which carry no fact: for each space it reads what is wanted,
//! observes what the engine holds, asks [`step`] for the one next thing, does that, and looks
//! again. So it goes on from whatever it finds: after a crash of the API, of the engine or of the
//! host, and after somebody else has changed something.
//!
//! - A change of a space, an event of the engine, a deadline and a tick wake it.
//! - One space is worked on by one task at a time; a wake-up meanwhile makes it look once more.
//! - On a tick it observes everything with one list call, works only on what has something to do,
//!   and removes containers of ours that belong to no space.

use std::{
    collections::{HashMap, HashSet},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::StreamExt;
use spaceport_domain::{
    access::Sight,
    event::EventBody,
    id::SpaceId,
    lifecycle::{Instance, Observed, Status, Step, step},
    time::Timestamp,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    engine::{ContainerRef, Engine, EngineError, EngineEvent, Scope},
    store::StoreError,
};

mod drive;
mod record;
mod spec;
mod wake;

use wake::Wake;

/// How often everything is looked at when nothing wakes the reconciler.
const TICK: Duration = Duration::from_secs(5);
/// Every how many ticks leftover volumes are looked for.
const TICKS_BETWEEN_SWEEPS: u32 = 12;
/// How many spaces are looked at, and how many actions are under way, at the same time.
const CONCURRENT: usize = 16;
/// How many stops are waited for at the same time. Apart from the other actions, because a stop may
/// take as long as its space likes and must keep nobody from starting.
const STOPS_CONCURRENT: usize = 512;

/// Makes what is wanted true.
pub struct Reconciler {
    app: Arc<App>,
    /// Rung when something may have to be done.
    wake: Wake,
    /// Cancelled when somebody else is to do the work.
    stopped: CancellationToken,
    /// Spaces being worked on, and whether to look once more when done.
    busy: Mutex<HashMap<SpaceId, bool>>,
    /// Spaces that are looked at again soon because something failed.
    retries: Mutex<HashSet<SpaceId>>,
    permits: Semaphore,
    stops: Semaphore,
    /// Since when it works. A start is given its whole time from here on: nobody saw to it before.
    since: Timestamp,
    /// Since when the engine doesn't answer.
    unreachable_since: Mutex<Option<Timestamp>>,
}

/// Why a space could not be worked on now. It is tried again.
#[derive(Debug, thiserror::Error)]
enum ReconcileError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Reconciler {
    /// A reconciler that works for `app`.
    pub fn new(app: Arc<App>) -> Arc<Self> {
        Arc::new(Self {
            wake: Wake::default(),
            stopped: CancellationToken::new(),
            busy: Mutex::default(),
            retries: Mutex::default(),
            permits: Semaphore::new(CONCURRENT),
            stops: Semaphore::new(STOPS_CONCURRENT),
            since: app.clock.now(),
            app,
            unreachable_since: Mutex::default(),
        })
    }

    /// Works, for ever.
    pub async fn run(self: Arc<Self>) {
        tokio::join!(
            self.follow_changes(),
            self.follow_engine(),
            self.tick(),
            self.work()
        );
    }

    /// Begins no further step.
    pub fn stop(&self) {
        self.stopped.cancel();
    }

    /// Turns what is committed, by whichever replica, into wake-ups.
    async fn follow_changes(&self) {
        let log = &self.app.events;
        let mut events = pin!(log.keep_following(log.tail()));
        while let Some(event) = events.next().await {
            match &event.body {
                EventBody::Space { space, .. } if space.state.needs_work() => {
                    self.wake.space(space.id);
                }
                _ => {}
            }
        }
    }

    /// Turns what happens in the engine into wake-ups.
    async fn follow_engine(&self) {
        let mut events = self.app.engine.events();
        while let Some(event) = events.next().await {
            match event {
                EngineEvent::Connected => {
                    if let Err(error) = self.app.engine.prepare().await {
                        tracing::error!(%error, "the host is not fit for spaces");
                    }
                    self.reached();
                    self.wake.all();
                }
                EngineEvent::Space(id) => self.wake.space(id),
                EngineEvent::Lost => {
                    tracing::warn!("lost the connection to the container engine");
                    self.unreachable();
                }
            }
        }
    }

    async fn tick(&self) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.wake.all();
        }
    }

    async fn work(self: &Arc<Self>) {
        let mut passes = 0_u32;
        loop {
            let work = self.wake.next().await;
            for id in work.spaces {
                self.start_driving(id);
            }
            if work.all {
                let thorough = passes.is_multiple_of(TICKS_BETWEEN_SWEEPS);
                match self.look_at_all(thorough).await {
                    // A sweep that failed is due again at the next pass.
                    Ok(()) => passes = passes.wrapping_add(1),
                    Err(error) => tracing::warn!(%error, "can't look at all spaces"),
                }
            }
        }
    }

    /// Observes everything with one call, and starts working on what has something to do.
    async fn look_at_all(self: &Arc<Self>, thorough: bool) -> Result<(), ReconcileError> {
        let spaces = self.app.store.spaces_to_reconcile().await?;
        let seen = match self.app.engine.observe(Scope::All).await {
            Ok(seen) => seen,
            Err(error) => {
                // Deadlines pass also while the engine can't be reached.
                for space in spaces {
                    self.start_driving(space.id);
                }
                return Err(error.into());
            }
        };
        let mut of_space = HashMap::<SpaceId, Vec<Instance>>::new();
        for container in seen {
            of_space
                .entry(container.space)
                .or_default()
                .push(container.instance);
        }
        let now = self.app.clock.now();
        for space in spaces {
            let instances = of_space.remove(&space.id).unwrap_or_default();
            let observed = Observed {
                instances,
                ..Observed::default()
            };
            if step(&space.state, &observed, now) != Step::Wait {
                self.start_driving(space.id);
            }
        }
        self.clear_leftovers(of_space).await?;
        if thorough {
            self.clear_leftover_volumes().await?;
        }
        Ok(())
    }

    /// `left` are containers of spaces that need none: known spaces are worked on, containers of
    /// unknown ones go.
    async fn clear_leftovers(
        self: &Arc<Self>,
        mut left: HashMap<SpaceId, Vec<Instance>>,
    ) -> Result<(), ReconcileError> {
        if left.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = left.keys().copied().collect();
        for space in self.app.store.spaces_by_id(Sight::All, &ids).await? {
            left.remove(&space.id);
            self.start_driving(space.id);
        }
        for (space, instances) in left {
            for instance in instances {
                let container = ContainerRef {
                    space,
                    instance: instance.number,
                };
                tracing::warn!(space.id = %space, "removing a container of an unknown space");
                self.app.engine.remove_container(container).await?;
            }
        }
        Ok(())
    }

    /// Removes volumes of spaces whose deletion is committed. Volumes of unknown spaces stay: they
    /// may be all that is left of somebody's work.
    async fn clear_leftover_volumes(&self) -> Result<(), ReconcileError> {
        let with_volumes = self.app.engine.spaces_with_volumes(Scope::All).await?;
        let known = self
            .app
            .store
            .spaces_by_id(Sight::All, &with_volumes)
            .await?;
        let known_ids: HashSet<_> = known.iter().map(|space| space.id).collect();
        for unknown in with_volumes.iter().filter(|id| !known_ids.contains(id)) {
            tracing::warn!(space.id = %unknown, "keeping volumes of an unknown space");
        }
        for space in known
            .iter()
            .filter(|space| space.state.status == Status::Deleted)
        {
            self.app.engine.remove_volumes(space.id).await?;
        }
        Ok(())
    }

    /// Works on a space in a task of its own, or makes the task that does look once more.
    fn start_driving(self: &Arc<Self>, id: SpaceId) {
        {
            let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(again) = busy.get_mut(&id) {
                *again = true;
                return;
            }
            busy.insert(id, false);
        }
        let this = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                this.drive(id).await;
                let mut busy = this.busy.lock().unwrap_or_else(PoisonError::into_inner);
                match busy.get_mut(&id) {
                    Some(again) if *again => *again = false,
                    _ => {
                        busy.remove(&id);
                        return;
                    }
                }
            }
        });
    }

    fn unreachable(&self) -> Timestamp {
        let now = self.app.clock.now();
        let mut since = self
            .unreachable_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *since.get_or_insert(now)
    }

    fn reached(&self) {
        *self
            .unreachable_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn engine(&self) -> &dyn Engine {
        self.app.engine.as_ref()
    }
}
