//! Working on one space until there is nothing to do but wait.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError},
    time::Duration,
};

use spaceport_domain::{
    access::Sight,
    id::SpaceId,
    lifecycle::{
        Action, Failure, FailureCode, Instance, Observed, Outcome, Phase, SpaceState, Status, Step,
        step,
    },
    space::{Running, Space},
};

use super::{ReconcileError, Reconciler};
use crate::engine::{ContainerRef, EngineError, Scope};

/// The most steps of one drive; behind them another space gets its turn.
const STEPS_MAX: u32 = 32;
/// How long a start waits for an engine that can't be reached: longer than a busy host takes to
/// restart it.
const ENGINE_PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait before trying again what failed.
const RETRY: Duration = Duration::from_secs(1);
/// The least time a container gets to end by itself.
const STOP_GRACE_MIN: Duration = Duration::from_secs(1);

impl Reconciler {
    /// Works on a space until there is nothing to do but wait, and sees to being woken then.
    pub(super) async fn drive(self: &Arc<Self>, id: SpaceId) {
        for _ in 0..STEPS_MAX {
            if self.stopped.is_cancelled() {
                return;
            }
            match self.take_step(id).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(space.id = %id, %error, "will try again");
                    return self.retry(id);
                }
            }
        }
        self.wake.space(id);
    }

    /// Takes one step; says whether there may be another.
    async fn take_step(self: &Arc<Self>, id: SpaceId) -> Result<bool, ReconcileError> {
        let Some(space) = self.app.store.space(Sight::All, id).await? else {
            return Ok(false);
        };
        let observed = match self.observe(&space).await {
            Ok(observed) => observed,
            Err(error) => return self.engine_failed(&space, error).await,
        };
        self.reached();
        let now = self.app.clock.now();
        match step(&self.with_whole_start(&space.state), &observed, now) {
            Step::Wait => {
                if let Some(deadline) = space.state.deadline {
                    self.wake_after(id, deadline.since(now).max(RETRY));
                }
                self.note_container(&space, &observed).await?;
                Ok(false)
            }
            Step::Act(action) => {
                tracing::debug!(space.id = %id, ?action, "acting");
                match self.act(&space, &action).await {
                    Ok(()) => Ok(true),
                    Err(ReconcileError::Engine(error)) => self.engine_failed(&space, error).await,
                    Err(error) => Err(error),
                }
            }
            Step::Record(outcome) => {
                let outcome = self.with_log_tail(&space, outcome).await;
                self.record(&space, &outcome, &observed).await?;
                Ok(true)
            }
        }
    }

    /// The state with the deadline of a start not before its time is over from when this
    /// reconciler began.
    fn with_whole_start(&self, state: &SpaceState) -> SpaceState {
        let whole = self.since.after(self.app.settings.deadlines.start);
        let deadline = match state.status {
            Status::Starting => state.deadline.map(|deadline| deadline.max(whole)),
            _ => state.deadline,
        };
        SpaceState {
            deadline,
            ..state.clone()
        }
    }

    async fn observe(&self, space: &Space) -> Result<Observed, EngineError> {
        let _permit = self.permits.acquire().await;
        let seen = self.engine().observe(Scope::Space(space.id)).await?;
        let instances: Vec<Instance> = seen.into_iter().map(|it| it.instance).collect();
        let is_deleting = space.state.status == Status::Deleting;
        let has_volumes = is_deleting
            && !self
                .engine()
                .spaces_with_volumes(Scope::Space(space.id))
                .await?
                .is_empty();
        let has_vanished = space.state.status == Status::Running && instances.is_empty();
        let removal_remembered =
            has_vanished && self.engine().removal_remembered(current(space)).await?;
        Ok(Observed {
            instances,
            has_volumes,
            removal_remembered,
        })
    }

    async fn act(self: &Arc<Self>, space: &Space, action: &Action) -> Result<(), ReconcileError> {
        let container = |instance| ContainerRef {
            space: space.id,
            instance,
        };
        let permits = match action {
            Action::StopContainer(_) => &self.stops,
            _ => &self.permits,
        };
        let _permit = permits.acquire().await;
        match *action {
            Action::CreateVolumes => self.create_volumes(space).await?,
            Action::CreateContainer(_) => {
                let spec = self.spec(space).await?;
                self.engine().create_container(&spec).await?;
            }
            Action::StartContainer(instance) => {
                self.engine().start_container(container(instance)).await?;
            }
            Action::StopContainer(instance) => {
                let deadline = space.state.deadline;
                let left = deadline.map(|deadline| deadline.since(self.app.clock.now()));
                let grace = left.unwrap_or_default().max(STOP_GRACE_MIN);
                self.engine()
                    .stop_container(container(instance), grace)
                    .await?;
            }
            Action::RemoveContainer(instance) => {
                self.engine().remove_container(container(instance)).await?;
            }
            Action::RemoveVolumes => self.engine().remove_volumes(space.id).await?,
        }
        Ok(())
    }

    /// Decides what a failure of the engine means for a space; says whether to look again at once.
    async fn engine_failed(
        self: &Arc<Self>,
        space: &Space,
        error: EngineError,
    ) -> Result<bool, ReconcileError> {
        let now = self.app.clock.now();
        let is_starting = space.state.status == Status::Starting;
        let failure = match &error {
            EngineError::Gone => return Ok(true),
            EngineError::Unavailable(_) => {
                let since = self.unreachable();
                let is_given_up = now.since(since) >= ENGINE_PATIENCE;
                let message = "the container engine can't be reached";
                is_given_up.then(|| Failure::new(FailureCode::EngineUnavailable, message, now))
            }
            EngineError::Refused { code, message } => Some(Failure::new(*code, message, now)),
        };
        let Some(failure) = failure.filter(|_| is_starting) else {
            return Err(error.into());
        };
        let outcome = self
            .with_log_tail(space, Outcome::StartFailed(failure))
            .await;
        self.record(space, &outcome, &Observed::default()).await?;
        Ok(true)
    }

    /// A failure with what the space last wrote, as long as its container still knows.
    async fn with_log_tail(&self, space: &Space, outcome: Outcome) -> Outcome {
        const LINES: u32 = 50;
        match outcome {
            Outcome::StartFailed(failure) => Outcome::StartFailed(
                failure.with_log_tail(self.engine().log_tail(current(space), LINES).await),
            ),
            Outcome::Died(failure) => Outcome::Died(
                failure.with_log_tail(self.engine().log_tail(current(space), LINES).await),
            ),
            other => other,
        }
    }

    /// Has a space looked at again soon; once, however often that is asked for meanwhile.
    fn retry(self: &Arc<Self>, id: SpaceId) {
        if !self.retries().insert(id) {
            return;
        }
        let this = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(RETRY).await;
            this.retries().remove(&id);
            this.wake.space(id);
        });
    }

    fn retries(&self) -> std::sync::MutexGuard<'_, HashSet<SpaceId>> {
        self.retries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_after(&self, id: SpaceId, delay: Duration) {
        let wake = self.wake.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            wake.space(id);
        });
    }
}

/// The container that is wanted.
pub(super) fn current(space: &Space) -> ContainerRef {
    ContainerRef {
        space: space.id,
        instance: space.state.instance,
    }
}

/// What is known of the container that is wanted, while it runs.
pub(super) fn running(space: &Space, observed: &Observed) -> Running {
    let mut instances = observed.instances.iter();
    let wanted = instances.find(|it| it.number == space.state.instance);
    match wanted.map(|it| (&it.phase, &it.agent_version)) {
        Some((Phase::Running { address, .. }, agent_version)) => Running {
            address: *address,
            agent_version: agent_version.clone(),
        },
        _ => Running::default(),
    }
}
