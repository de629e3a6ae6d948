//! The states of a space and what is wanted of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use crate::time::Timestamp;

/// Where a space is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Made, never started.
    Created,
    /// A container is being made and started.
    Starting,
    /// The container runs.
    Running,
    /// The container is being stopped and removed.
    Stopping,
    /// No container; the volumes are kept.
    Stopped,
    /// The container and the volumes are being removed.
    Deleting,
    /// Nothing is left but the record.
    Deleted,
}

impl Status {
    /// Every status, in the order of a life.
    pub const ALL: [Self; 7] = [
        Self::Created,
        Self::Starting,
        Self::Running,
        Self::Stopping,
        Self::Stopped,
        Self::Deleting,
        Self::Deleted,
    ];

    /// The spelling in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Stopping => "STOPPING",
            Self::Stopped => "STOPPED",
            Self::Deleting => "DELETING",
            Self::Deleted => "DELETED",
        }
    }

    /// The status spelled `text`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether the space's compute units count against its owner's quota.
    pub const fn consumes_compute(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Stopping)
    }

    /// Whether the space itself and its volumes count against its owner's quota.
    pub const fn consumes_storage(self) -> bool {
        !matches!(self, Self::Deleted)
    }

    /// Whether something is under way that must end in another status.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Starting | Self::Stopping | Self::Deleting)
    }
}

/// What the owner last asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Desired {
    /// The space should run, also after a restart of the host.
    Running,
    /// The space should not run.
    Stopped,
    /// The space and its volumes should be gone.
    Deleted,
}

impl Desired {
    /// The spelling in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Stopped => "STOPPED",
            Self::Deleted => "DELETED",
        }
    }

    /// The wish spelled `text`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Running, Self::Stopped, Self::Deleted]
            .into_iter()
            .find(|it| it.as_str() == text)
    }
}

/// Everything the lifecycle knows of a space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceState {
    /// Where the space is in its life.
    pub status: Status,
    /// What was last asked for.
    pub desired: Desired,
    /// The number of the container that is wanted; 0 before the first start.
    pub instance: u32,
    /// When the current transient status stops being waited for. `None` in every other status.
    pub deadline: Option<Timestamp>,
    /// Whether the volumes exist in the engine.
    pub volumes_ready: bool,
    /// Why the space stopped by itself, until it is next started.
    pub failure: Option<Failure>,
}

impl SpaceState {
    /// A space that has just been made.
    pub const fn created() -> Self {
        Self {
            status: Status::Created,
            desired: Desired::Stopped,
            instance: 0,
            deadline: None,
            volumes_ready: false,
            failure: None,
        }
    }

    /// Whether something may have to be done for the space to be as it is wanted.
    pub const fn needs_work(&self) -> bool {
        self.status.is_transient()
            || (!self.volumes_ready && !matches!(self.status, Status::Deleted))
    }

    pub(super) fn starting(&self, now: Timestamp, deadlines: &Deadlines) -> Self {
        Self {
            status: Status::Starting,
            desired: Desired::Running,
            instance: self.instance + 1,
            deadline: Some(now.after(deadlines.start)),
            failure: None,
            ..self.clone()
        }
    }

    pub(super) fn stopping(&self, desired: Desired, now: Timestamp, deadlines: &Deadlines) -> Self {
        Self {
            status: Status::Stopping,
            desired,
            deadline: Some(now.after(deadlines.stop)),
            failure: None,
            ..self.clone()
        }
    }

    pub(super) fn stopped(&self, failure: Option<Failure>) -> Self {
        Self {
            status: Status::Stopped,
            desired: Desired::Stopped,
            deadline: None,
            failure,
            ..self.clone()
        }
    }
}

/// How long each transient status may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// From the request to start until the space must run; after it the start has failed.
    pub start: Duration,
    /// From the request to stop until the container is killed.
    pub stop: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            start: Duration::from_mins(2),
            stop: Duration::from_secs(20),
        }
    }
}
