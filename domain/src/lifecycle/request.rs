//! What may be asked of a space, and the answer.

use super::state::{Deadlines, Desired, SpaceState, Status};
use crate::time::Timestamp;

/// What somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Run the space.
    Start,
    /// Stop it and keep its volumes.
    Stop,
    /// Replace its container by a new one of the same template version; start it when stopped.
    Restart,
    /// Remove it and its volumes.
    Delete,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The request changes the space to this state.
    Accepted(SpaceState),
    /// The space is or will be as asked; nothing changes.
    AlreadySo,
    /// The request can't be granted.
    Denied(Denial),
}

/// Why a request can't be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The space is being deleted, or is gone.
    #[error("the space is being deleted")]
    Deleting,
}

/// Answers `request` for a space in `state`.
///
/// Never moves a space out of deletion, and never back to a status it can't be in without the
/// engine's doing.
pub fn request(
    state: &SpaceState,
    request: Request,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Decision {
    use Decision::{Accepted, AlreadySo, Denied};
    match (request, state.status) {
        (Request::Delete, Status::Deleting | Status::Deleted) => AlreadySo,
        (_, Status::Deleting | Status::Deleted) => Denied(Denial::Deleting),

        (Request::Start, Status::Starting | Status::Running) => AlreadySo,
        (Request::Start | Request::Restart, Status::Created | Status::Stopped) => {
            Accepted(state.starting(now, deadlines))
        }
        (Request::Start | Request::Restart, Status::Stopping) => match state.desired {
            Desired::Running => AlreadySo,
            _ => Accepted(SpaceState {
                desired: Desired::Running,
                ..state.clone()
            }),
        },
        (Request::Restart, Status::Starting | Status::Running) => {
            Accepted(state.stopping(Desired::Running, now, deadlines))
        }

        (Request::Stop, Status::Created | Status::Stopped) => AlreadySo,
        (Request::Stop, Status::Stopping) => match state.desired {
            Desired::Stopped => AlreadySo,
            _ => Accepted(SpaceState {
                desired: Desired::Stopped,
                ..state.clone()
            }),
        },
        (Request::Stop, Status::Starting | Status::Running) => {
            Accepted(state.stopping(Desired::Stopped, now, deadlines))
        }

        (Request::Delete, _) => Accepted(SpaceState {
            status: Status::Deleting,
            desired: Desired::Deleted,
            deadline: Some(now.after(deadlines.stop)),
            failure: None,
            ..state.clone()
        }),
    }
}
