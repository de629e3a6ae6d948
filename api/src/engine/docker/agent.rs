//! The agent in every space: one volume of the engine holds its program, and all spaces mount it.
//!
//! ```text
//! the program ──▶ archive call on a container that never starts ──▶ volume ──▶ every space, read-only
//! ```
//!
//! So a start copies nothing, and all spaces share the program's pages in memory. The volume is
//! named by a hash of the program: another version of it has another volume, and spaces keep the
//! one they were started with. Whether the volume holds the whole program is looked at when the
//! first container is started, and again when one can't be started for want of it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bollard::{
    body_full,
    models::{
        ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions,
        MountVolumeOptionsDriverConfig,
    },
    query_parameters::{
        ContainerArchiveInfoOptionsBuilder, CreateContainerOptionsBuilder, InspectContainerOptions,
        ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder, RemoveVolumeOptions,
        UploadToContainerOptionsBuilder,
    },
};
use spaceport_domain::{agent::PROGRAM_PATH, time::Timestamp};
use tokio::sync::Mutex;

use super::{
    super::{AgentProgram, ContainerRef},
    DockerEngine, archive,
    labels::{Installation, container_name},
    observe::instant,
    refusal::CallError,
};

/// Making a container may copy the image's content into anonymous volumes.
const CREATE_TIMEOUT: Duration = Duration::from_mins(1);
/// Some megabytes go over a socket.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(30);
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// When the program in a volume says it was last modified, in seconds since the Unix epoch. The
/// engine sets it once everything is written: a file with another time isn't whole.
const MODIFIED_S: u64 = 1_000_000_000;
/// Everybody may run it, nobody may change it.
const MODE: u32 = 0o555;

/// What is known of the agent and its volume.
#[derive(Debug)]
pub(super) struct Agent {
    program: AgentProgram,
    /// Whether the volume was seen to hold the whole program.
    is_in_place: AtomicBool,
    /// Held while the volume is looked at or filled.
    filling: Mutex<()>,
}

impl Agent {
    pub(super) fn new(program: AgentProgram) -> Self {
        Self {
            program,
            is_in_place: AtomicBool::new(false),
            filling: Mutex::new(()),
        }
    }

    /// Which agent new containers have.
    pub(super) fn version(&self) -> String {
        self.program.version()
    }

    /// The mount by which a space has its agent: nobody in there can change it.
    pub(super) fn mount(&self, installation: &Installation) -> Mount {
        self.mount_as(installation, true)
    }

    /// The mount says all there is to say of its volume: the engine makes one that it doesn't know.
    fn mount_as(&self, installation: &Installation, read_only: bool) -> Mount {
        Mount {
            typ: Some(MountType::VOLUME),
            source: Some(installation.agent_volume(self.program.hash())),
            target: Some(place().0.to_owned()),
            read_only: Some(read_only),
            volume_options: Some(MountVolumeOptions {
                // What an image has at this place is nothing that other spaces should get.
                no_copy: Some(true),
                labels: Some(installation.agent_labels(self.program.hash())),
                driver_config: Some(MountVolumeOptionsDriverConfig {
                    name: Some("local".to_owned()),
                    options: None,
                }),
                subpath: None,
            }),
            ..Mount::default()
        }
    }

    fn is_in_place(&self) -> bool {
        self.is_in_place.load(Ordering::Acquire)
    }

    fn set_in_place(&self, is_in_place: bool) {
        self.is_in_place.store(is_in_place, Ordering::Release);
    }
}

impl DockerEngine {
    /// Sees to it that what `container` starts with is there. The container exists and doesn't run.
    pub(super) async fn ensure_agent(&self, container: ContainerRef) -> Result<(), CallError> {
        if self.agent.is_in_place() {
            return Ok(());
        }
        let _turn = self.agent.filling.lock().await;
        if self.agent.is_in_place() {
            return Ok(());
        }
        if !self.is_agent_whole(&container_name(container)).await? {
            self.fill_agent_volume(container).await?;
        }
        self.agent.set_in_place(true);
        Ok(())
    }

    /// The same, after a start has shown that the agent is not there: somebody removed the volume,
    /// and the engine made an empty one.
    pub(super) async fn restore_agent(&self, container: ContainerRef) -> Result<(), CallError> {
        self.agent.set_in_place(false);
        self.ensure_agent(container).await
    }

    /// Whether the whole program is where `container` mounts it.
    async fn is_agent_whole(&self, container: &str) -> Result<bool, CallError> {
        let client = self.connection.client().await?;
        let options = ContainerArchiveInfoOptionsBuilder::default()
            .path(PROGRAM_PATH)
            .build();
        let look = client.get_container_archive_info(container, Some(options));
        match self.connection.call(CALL_TIMEOUT, look).await {
            Ok(file) => {
                let modified = instant(file.modification_time.as_deref());
                let bytes = self.agent.program.bytes().len();
                let is_as_long = usize::try_from(file.size).is_ok_and(|size| size == bytes);
                let is_done = Timestamp::from_millis(0).after(Duration::from_secs(MODIFIED_S));
                Ok(is_as_long && modified == is_done)
            }
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Fills the volume by way of a container that never starts, of the same image as `container`:
    /// there needn't be any other.
    async fn fill_agent_volume(&self, container: ContainerRef) -> Result<(), CallError> {
        let client = self.connection.client().await?;
        let (folder, name) = place();
        let target = container_name(container);
        let inspect = client.inspect_container(&target, None::<InspectContainerOptions>);
        let inspected = self.connection.call(CALL_TIMEOUT, inspect).await?;
        let carrier = self.installation.agent_carrier(self.agent.program.hash());
        // One that an interrupted attempt left is in the way of the name.
        self.remove_carrier(&carrier).await?;
        let options = CreateContainerOptionsBuilder::default()
            .name(&carrier)
            .build();
        let body = self.carrier_body(inspected.image);
        let create = client.create_container(Some(options), body);
        self.connection.call(CREATE_TIMEOUT, create).await?;
        let options = UploadToContainerOptionsBuilder::default()
            .path(folder)
            .build();
        let program = archive::File {
            name,
            mode: MODE,
            modified_s: MODIFIED_S,
            content: self.agent.program.bytes(),
        };
        let archive = body_full(program.archive().into());
        let upload = client.upload_to_container(&carrier, Some(options), archive);
        let uploaded = self.connection.call(UPLOAD_TIMEOUT, upload).await;
        self.remove_carrier(&carrier).await?;
        uploaded?;
        tracing::info!(
            version = self.agent.version(),
            "the agent is in place for spaces"
        );
        Ok(())
    }

    fn carrier_body(&self, image: Option<String>) -> ContainerCreateBody {
        ContainerCreateBody {
            image,
            // The engine demands one, though it is never run.
            entrypoint: Some(vec![PROGRAM_PATH.to_owned()]),
            labels: Some(self.installation.agent_labels(self.agent.program.hash())),
            host_config: Some(HostConfig {
                network_mode: Some("none".to_owned()),
                mounts: Some(vec![self.agent.mount_as(&self.installation, false)]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }

    async fn remove_carrier(&self, name: &str) -> Result<(), CallError> {
        let client = self.connection.client().await?;
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        let remove = client.remove_container(name, Some(options));
        match self.connection.call(CALL_TIMEOUT, remove).await {
            Err(error) if error.is_not_found() => Ok(()),
            result => result,
        }
    }

    /// Removes the volumes of agents that no container has any more, but for the one that new
    /// containers get.
    pub(super) async fn remove_unused_agents(&self) -> Result<(), CallError> {
        let client = self.connection.client().await?;
        let options = ListVolumesOptionsBuilder::default()
            .filters(&self.installation.agent_filters())
            .build();
        let list = client.list_volumes(Some(options));
        let found = self.connection.call(CALL_TIMEOUT, list).await?;
        let current = self.installation.agent_volume(self.agent.program.hash());
        let others = found.volumes.unwrap_or_default();
        for volume in others.into_iter().filter(|it| it.name != current) {
            let remove = client.remove_volume(&volume.name, None::<RemoveVolumeOptions>);
            match self.connection.call(CALL_TIMEOUT, remove).await {
                Ok(()) => tracing::info!(volume = volume.name, "removed an agent no space has"),
                Err(error) if error.is_conflict() || error.is_not_found() => {}
                // It costs room on the disk, and nothing else.
                Err(error) => tracing::warn!(volume = volume.name, ?error, "an agent stays"),
            }
        }
        Ok(())
    }
}

/// Where the volume is mounted, and the program's name in it.
fn place() -> (&'static str, &'static str) {
    PROGRAM_PATH.rsplit_once('/').unwrap_or(("/", PROGRAM_PATH))
}
