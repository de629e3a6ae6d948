//! What observation says has become so, and how it changes a space.

use super::{
    failure::Failure,
    state::{Deadlines, Desired, SpaceState, Status},
};
use crate::time::Timestamp;

/// Something that was seen to be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The volumes exist.
    VolumesReady,
    /// The container runs and, where the image checks its health, is healthy.
    Started,
    /// The start failed for good.
    StartFailed(Failure),
    /// The container of a running space ended or vanished.
    Died(Failure),
    /// The container ended together with the engine or the host: the space comes back by itself.
    Interrupted,
    /// A container that was to stop is gone.
    Stopped,
    /// Container and volumes are gone.
    Deleted,
}

/// The state after `outcome`, or `None` when it says nothing new of a space in `state`, as when
/// the space was asked for something else since the observation.
pub fn record(
    state: &SpaceState,
    outcome: &Outcome,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Option<SpaceState> {
    match (outcome, state.status) {
        (Outcome::VolumesReady, Status::Deleting | Status::Deleted) => None,
        (Outcome::VolumesReady, _) if state.volumes_ready => None,
        (Outcome::VolumesReady, _) => Some(SpaceState {
            volumes_ready: true,
            ..state.clone()
        }),
        (Outcome::Started, Status::Starting) => Some(SpaceState {
            status: Status::Running,
            deadline: None,
            ..state.clone()
        }),
        (Outcome::StartFailed(failure), Status::Starting)
        | (Outcome::Died(failure), Status::Running) => Some(state.stopped(Some(failure.clone()))),
        (Outcome::Interrupted, Status::Running) => Some(state.starting(now, deadlines)),
        (Outcome::Stopped, Status::Stopping) if state.desired == Desired::Running => {
            Some(state.starting(now, deadlines))
        }
        (Outcome::Stopped, Status::Stopping) => Some(state.stopped(None)),
        (Outcome::Deleted, Status::Deleting) => Some(SpaceState {
            status: Status::Deleted,
            deadline: None,
            volumes_ready: false,
            ..state.clone()
        }),
        _ => None,
    }
}
