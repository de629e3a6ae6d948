//! The next step from what is to what is wanted.

use std::net::IpAddr;

use super::{
    failure::{Failure, FailureCode},
    outcome::Outcome,
    state::{SpaceState, Status},
};
use crate::time::Timestamp;

/// What the engine was seen to hold for one space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The space's containers; more than one only while leftovers are cleared away.
    pub instances: Vec<Instance>,
    /// Whether any volume of the space exists. Only asked for when the space is being deleted.
    pub has_volumes: bool,
    /// Whether the engine remembers that the wanted container, now absent, was removed. It doesn't
    /// after a restart of the engine or the host.
    pub removal_remembered: bool,
}

/// One container of a space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The instance number in its label.
    pub number: u32,
    /// The version of its agent in its label; `None` for one from before there were agents.
    pub agent_version: Option<String>,
    /// What it is doing.
    pub phase: Phase,
}

/// What a container is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Made, not started.
    Created,
    /// Running.
    Running {
        /// Its address in the network of spaces.
        address: Option<IpAddr>,
        /// What the image's health check says.
        health: Health,
    },
    /// Ended.
    Exited(Exit),
    /// The engine is removing it.
    Removing,
}

/// What a container's health check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// The image has no check.
    Unchecked,
    /// The check has not decided yet.
    Pending,
    /// The check succeeds.
    Healthy,
    /// The check fails.
    Unhealthy,
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The exit code of its first process.
    pub code: i64,
    /// Whether the kernel ended a process of it for want of memory.
    pub oom_killed: bool,
    /// When it ended.
    pub at: Timestamp,
    /// How long it ran, in milliseconds.
    pub ran_ms: u64,
    /// Whether the engine remembers the end as an event. It forgets when it restarts, so an end
    /// it doesn't remember came with a restart of the engine or the host.
    pub remembered: bool,
}

/// Something to do with the engine. Each can be repeated without harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make the space's volumes.
    CreateVolumes,
    /// Make the container with this instance number.
    CreateContainer(u32),
    /// Start the container with this instance number.
    StartContainer(u32),
    /// Ask the container with this instance number to end, and kill it when it doesn't.
    StopContainer(u32),
    /// Remove the container with this instance number, running or not.
    RemoveContainer(u32),
    /// Remove the space's volumes and everything in them. Only ever for a space whose deletion is
    /// committed.
    RemoveVolumes,
}

/// The one next thing to do for a space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing, until something changes or the deadline passes.
    Wait,
    /// Do this with the engine, then look again.
    Act(Action),
    /// Write down what has become so, then look again.
    Record(Outcome),
}

/// Compares `space` with what was `observed`.
///
/// Invariants, each a property test: volumes are removed only while deleting; a container is made
/// only while starting; a space that waits in a transient status has a deadline.
pub fn step(space: &SpaceState, observed: &Observed, now: Timestamp) -> Step {
    let wanted = match space.status {
        Status::Starting | Status::Running | Status::Stopping => Some(space.instance),
        _ => None,
    };
    if let Some(leftover) = observed
        .instances
        .iter()
        .find(|it| Some(it.number) != wanted)
    {
        return match leftover.phase {
            // The engine may take long, or for ever; a start doesn't.
            Phase::Removing if space.status == Status::Starting && is_past(space.deadline, now) => {
                start_timed_out(now)
            }
            Phase::Removing => Step::Wait,
            _ => Step::Act(Action::RemoveContainer(leftover.number)),
        };
    }
    let current = observed.instances.first().map(|it| &it.phase);
    match space.status {
        Status::Created | Status::Stopped if !space.volumes_ready => {
            Step::Act(Action::CreateVolumes)
        }
        Status::Created | Status::Stopped | Status::Deleted => Step::Wait,
        Status::Starting => step_starting(space, current, now),
        Status::Running => step_running(space, current, observed.removal_remembered, now),
        Status::Stopping => step_stopping(space, current, now),
        Status::Deleting if observed.has_volumes => Step::Act(Action::RemoveVolumes),
        Status::Deleting => Step::Record(Outcome::Deleted),
    }
}

fn step_starting(space: &SpaceState, current: Option<&Phase>, now: Timestamp) -> Step {
    let failed =
        |code, message: &str| Step::Record(Outcome::StartFailed(Failure::new(code, message, now)));
    match current {
        Some(Phase::Running {
            health: Health::Unchecked | Health::Healthy,
            ..
        }) => Step::Record(Outcome::Started),
        Some(Phase::Running {
            health: Health::Unhealthy,
            ..
        }) => failed(FailureCode::Unhealthy, "the image's health check failed"),
        Some(Phase::Exited(exit)) if exit.remembered => {
            Step::Record(Outcome::StartFailed(Failure::from_exit(exit)))
        }
        _ if is_past(space.deadline, now) => start_timed_out(now),
        Some(
            Phase::Running {
                health: Health::Pending,
                ..
            }
            | Phase::Removing,
        ) => Step::Wait,
        Some(Phase::Exited(_)) => Step::Act(Action::RemoveContainer(space.instance)),
        Some(Phase::Created) => Step::Act(Action::StartContainer(space.instance)),
        None if !space.volumes_ready => Step::Act(Action::CreateVolumes),
        None => Step::Act(Action::CreateContainer(space.instance)),
    }
}

fn start_timed_out(now: Timestamp) -> Step {
    let message = "did not run within the time allowed for a start";
    let failure = Failure::new(FailureCode::StartTimeout, message, now);
    Step::Record(Outcome::StartFailed(failure))
}

fn step_running(
    space: &SpaceState,
    current: Option<&Phase>,
    removal_remembered: bool,
    now: Timestamp,
) -> Step {
    match current {
        Some(Phase::Running { .. } | Phase::Removing) => Step::Wait,
        Some(Phase::Created) => Step::Act(Action::StartContainer(space.instance)),
        Some(Phase::Exited(exit)) if exit.remembered => {
            Step::Record(Outcome::Died(Failure::from_exit(exit)))
        }
        None if removal_remembered => Step::Record(Outcome::Died(Failure::new(
            FailureCode::ContainerRemoved,
            "the container was removed by somebody else",
            now,
        ))),
        Some(Phase::Exited(_)) | None => Step::Record(Outcome::Interrupted),
    }
}

fn step_stopping(space: &SpaceState, current: Option<&Phase>, now: Timestamp) -> Step {
    match current {
        Some(Phase::Running { .. }) if !is_past(space.deadline, now) => {
            Step::Act(Action::StopContainer(space.instance))
        }
        Some(Phase::Removing) => Step::Wait,
        Some(_) => Step::Act(Action::RemoveContainer(space.instance)),
        None => Step::Record(Outcome::Stopped),
    }
}

fn is_past(deadline: Option<Timestamp>, now: Timestamp) -> bool {
    deadline.is_some_and(|deadline| now > deadline)
}
