//! Docker Engine, through its HTTP API.
//!
//! Every object carries labels that say whose it is, and a name derived from identifiers, so a
//! call that is repeated finds what it made ([`labels`]). No space starts before the host was
//! prepared for it: the network ([`network`]), the packet rules ([`firewall`]) and the way volumes
//! are made ([`volumes`]) are checked anew after every loss of the engine. Every space is started
//! with an agent ([`agent`]).
//!
//! bollard opens a connection for every request, and Spaceport relies on it: an engine that shuts
//! down stops listening *before* it ends its containers, so nobody can observe those ends through
//! it and take them for failures of the spaces.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use spaceport_domain::id::SpaceId;
use tokio::sync::Mutex;

use self::{agent::Agent, connection::Connection, labels::Installation, volumes::Volumes};
use super::{
    ContainerRef, ContainerSpec, DockerSettings, Engine, EngineError, EngineEvent, Firewall,
    LogLine, Scope, Seen, Stats, VolumeSpec, VolumeUsage,
};

mod agent;
mod archive;
mod command;
mod connection;
mod container_body;
mod containers;
mod events;
mod firewall;
mod images;
mod labels;
mod logs;
mod memory;
mod network;
mod observe;
mod refusal;
mod stats;
mod volumes;

/// Where the engine's client logs, as targets begin.
pub const CLIENT_LOG_TARGET: &str = "bollard";

/// One Docker Engine, as one installation of Spaceport uses it.
#[derive(Debug)]
pub struct DockerEngine {
    installation: Installation,
    firewall: Firewall,
    connection: Connection,
    agent: Agent,
    volumes: Volumes,
    /// Held while the host is being prepared: the packet rules are read and then written, and two
    /// at once would trip over each other.
    preparing: Mutex<()>,
}

impl DockerEngine {
    /// An engine with these settings. Nothing is connected yet, so this works while the engine is
    /// down.
    ///
    /// # Errors
    /// When the host's address can't be understood or the installation's name is not a label.
    pub fn new(settings: &DockerSettings) -> Result<Self, EngineError> {
        Ok(Self {
            installation: Installation::parse(&settings.installation)?,
            firewall: settings.firewall,
            connection: Connection::new(settings.host.as_deref())?,
            agent: Agent::new(settings.agent.clone()),
            volumes: Volumes::new(&settings.volumes_dir, settings.enforcement)?,
            preparing: Mutex::new(()),
        })
    }

    /// Prepares the host unless that was done since the engine was last lost.
    async fn ensure_prepared(&self) -> Result<(), EngineError> {
        if self.connection.is_prepared() {
            return Ok(());
        }
        let _turn = self.preparing.lock().await;
        if self.connection.is_prepared() {
            return Ok(());
        }
        self.prepare_host().await
    }

    async fn prepare_host(&self) -> Result<(), EngineError> {
        let epoch = self.connection.epoch();
        self.ensure_network().await?;
        if self.firewall == Firewall::Managed {
            firewall::ensure(&self.installation, self.connection.host()).await?;
        }
        self.volumes.choose_backend(self.connection.host()).await;
        self.remove_unused_agents().await?;
        self.connection.set_prepared(epoch);
        tracing::info!(
            installation = self.installation.name(),
            "the engine's host is prepared for spaces"
        );
        Ok(())
    }
}

#[async_trait]
impl Engine for DockerEngine {
    async fn prepare(&self) -> Result<(), EngineError> {
        let _turn = self.preparing.lock().await;
        self.prepare_host().await
    }

    async fn observe(&self, scope: Scope) -> Result<Vec<Seen>, EngineError> {
        self.see_containers(scope).await
    }

    async fn image_apps(&self, image: &str) -> Result<Option<BTreeSet<String>>, EngineError> {
        self.apps_of_image(image).await
    }

    async fn removal_remembered(&self, container: ContainerRef) -> Result<bool, EngineError> {
        self.recall_removal(container).await
    }

    async fn create_volumes(&self, volumes: &[VolumeSpec]) -> Result<Vec<bool>, EngineError> {
        self.ensure_prepared().await?;
        self.make_volumes(volumes).await
    }

    async fn spaces_with_volumes(&self, scope: Scope) -> Result<Vec<SpaceId>, EngineError> {
        self.list_spaces_with_volumes(scope).await
    }

    async fn remove_volumes(&self, space: SpaceId) -> Result<(), EngineError> {
        self.destroy_volumes(space).await
    }

    async fn volume_usage(&self, volumes: &[VolumeSpec]) -> Vec<VolumeUsage> {
        self.volumes.usage(volumes).await
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<(), EngineError> {
        self.ensure_prepared().await?;
        self.make_container(spec).await
    }

    async fn start_container(&self, container: ContainerRef) -> Result<(), EngineError> {
        self.ensure_prepared().await?;
        self.run_container(container).await
    }

    async fn stop_container(
        &self,
        container: ContainerRef,
        grace: Duration,
    ) -> Result<(), EngineError> {
        self.end_container(container, grace).await
    }

    async fn remove_container(&self, container: ContainerRef) -> Result<(), EngineError> {
        self.destroy_container(container).await
    }

    async fn log_tail(&self, container: ContainerRef, lines: u32) -> Vec<String> {
        self.read_log_tail(container, lines).await
    }

    async fn logs(
        &self,
        container: ContainerRef,
        tail: u32,
    ) -> Result<BoxStream<'static, LogLine>, EngineError> {
        self.follow_logs(container, tail).await
    }

    async fn stats(
        &self,
        container: ContainerRef,
    ) -> Result<BoxStream<'static, Stats>, EngineError> {
        self.sample_stats(container).await
    }

    fn events(&self) -> BoxStream<'static, EngineEvent> {
        self.watch_events()
    }
}
