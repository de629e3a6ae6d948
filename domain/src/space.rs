//! A space, as everything outside the database knows it.

mod apps;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use self::apps::SpaceApp;
use crate::{
    agent::AppState,
    id::{SpaceId, TemplateId, TemplateVersionId, UserId},
    lifecycle::{SpaceState, Status},
    name::SpaceName,
    template::Feature,
    time::Timestamp,
};

/// A space at one moment. Its template version, volumes and tunnels are kept beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Space {
    /// Which space.
    pub id: SpaceId,
    /// Whose it is.
    pub owner_id: UserId,
    /// Its name, unique among its owner's spaces.
    pub name: SpaceName,
    /// What the owner wrote about it.
    pub description: String,
    /// The template it was made from.
    pub template_id: TemplateId,
    /// The version of the template it is pinned to.
    pub template_version_id: TemplateVersionId,
    /// Where it is in its life.
    pub state: SpaceState,
    /// The container's address in the engine's network, while it runs.
    pub address: Option<IpAddr>,
    /// The version of the agent in the container, while it runs and has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// How its apps are by what its agent last said, while it runs and has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apps: Option<Vec<SpaceApp>>,
    /// What it consumes while it is starting, running or stopping.
    pub compute_units: i64,
    /// What it consumes until it is deleted: GiB of declared volumes.
    pub storage_units: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last became running.
    pub started_at: Option<Timestamp>,
    /// When it last became stopped.
    pub stopped_at: Option<Timestamp>,
    /// Counts its changes but for those of its apps, beginning with 1.
    pub revision: i64,
}

/// What is known of a container that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// Its address in the engine's network.
    pub address: Option<IpAddr>,
    /// The version of its agent. A container may be from before there were agents.
    pub agent_version: Option<String>,
}

impl Space {
    /// Whether its agent says that its image has no program for `feature`.
    pub fn lacks(&self, feature: Feature) -> bool {
        let mut apps = self.apps.iter().flatten();
        apps.any(|it| it.feature == feature && it.app.state == AppState::Absent)
    }

    /// Puts the space into `state`: stamps the times that belong to it and counts the change. What
    /// is known of its container is kept only while the space runs.
    pub fn enter(&mut self, state: SpaceState, container: Running, now: Timestamp) {
        if state.status != self.state.status {
            match state.status {
                Status::Running => self.started_at = Some(now),
                Status::Stopped => self.stopped_at = Some(now),
                _ => {}
            }
        }
        let container = match state.status {
            Status::Running => container,
            _ => Running::default(),
        };
        let is_same = state.status == Status::Running && state.instance == self.state.instance;
        self.apps = self.apps.take().filter(|_| is_same);
        self.address = container.address;
        self.agent_version = container.agent_version;
        self.state = state;
        self.revision += 1;
    }
}
