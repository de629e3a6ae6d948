//! Writing down what has become so.

use std::sync::Arc;

use spaceport_domain::{
    event::SpaceChange,
    lifecycle::{Observed, Outcome, Status, record},
    space::{Running, Space},
};

use super::{ReconcileError, Reconciler, drive::running};
use crate::app::observation::spec as volume_spec;

impl Reconciler {
    /// Writes down `outcome`, unless it says nothing new of the space as it is by now.
    pub(super) async fn record(
        self: &Arc<Self>,
        seen: &Space,
        outcome: &Outcome,
        observed: &Observed,
    ) -> Result<(), ReconcileError> {
        let mut change = self.app.store.begin().await?;
        let Some(mut space) = change.space(seen.id).await? else {
            return Ok(());
        };
        // What was observed was of this instance; an outcome of another one is nobody's.
        if space.state.instance != seen.state.instance {
            return Ok(());
        }
        let now = self.app.clock.now();
        let Some(next) = record(&space.state, outcome, now, &self.app.settings.deadlines) else {
            return Ok(());
        };
        let told = match (outcome, next.status) {
            (_, Status::Deleted) => SpaceChange::Deleted,
            (Outcome::VolumesReady, _) => SpaceChange::Updated,
            _ => SpaceChange::Status,
        };
        let container = running(&space, observed);
        space.enter(next, container, now);
        change.update_space(&space, now).await?;
        if told == SpaceChange::Deleted {
            change.delete_volumes(space.id).await?;
            change.delete_parameters(space.id).await?;
        }
        log(&space);
        change.tell_space(told, &space, Vec::new()).await?;
        change.commit(now).await?;
        Ok(())
    }

    /// Makes the volumes of a space and writes down that they exist, and which are held to their
    /// size.
    pub(super) async fn create_volumes(
        self: &Arc<Self>,
        space: &Space,
    ) -> Result<(), ReconcileError> {
        let volumes = self.app.store.volumes_of(&[space.id]).await?;
        let specs: Vec<_> = volumes.iter().map(volume_spec).collect();
        let enforced = self.app.engine.create_volumes(&specs).await?;
        let change = self.app.store.begin().await?;
        for (volume, enforced) in volumes.iter().zip(enforced) {
            change.set_enforced(volume.id, enforced).await?;
        }
        change.commit(self.app.clock.now()).await?;
        self.record(space, &Outcome::VolumesReady, &Observed::default())
            .await
    }

    /// Notes that what is known of a running container isn't so.
    pub(super) async fn note_container(
        &self,
        seen: &Space,
        observed: &Observed,
    ) -> Result<(), ReconcileError> {
        let container = running(seen, observed);
        let known = Running {
            address: seen.address,
            agent_version: seen.agent_version.clone(),
        };
        let is_seen = seen.state.status == Status::Running && container.address.is_some();
        if !is_seen || container == known {
            return Ok(());
        }
        let mut change = self.app.store.begin().await?;
        let Some(mut space) = change.space(seen.id).await? else {
            return Ok(());
        };
        if space.state != seen.state {
            return Ok(());
        }
        let now = self.app.clock.now();
        space.enter(space.state.clone(), container, now);
        change.update_space(&space, now).await?;
        change
            .tell_space(SpaceChange::Updated, &space, Vec::new())
            .await?;
        change.commit(now).await?;
        Ok(())
    }
}

fn log(space: &Space) {
    let (id, status) = (space.id, space.state.status.as_str());
    match &space.state.failure {
        Some(failure) => {
            let (code, why) = (failure.code, &failure.message);
            tracing::info!(space.id = %id, ?code, why, "space stopped by itself");
        }
        None => tracing::info!(space.id = %id, status, "space is {status}"),
    }
}
