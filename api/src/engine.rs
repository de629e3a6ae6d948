//! What runs containers.
//!
//! [`Engine`] is the whole of what the control plane asks of Docker Engine (and, later, of a
//! Swarm). Names and labels are derived from identifiers, so every call can be repeated: making
//! what exists, starting what runs and removing what is gone all succeed.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use spaceport_domain::{
    id::{SpaceId, VolumeId},
    lifecycle::{FailureCode, Instance},
    time::Timestamp,
};

mod agent;
pub mod docker;

pub use agent::AgentProgram;

/// Names one container: the space and the number of the start it was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContainerRef {
    /// The space.
    pub space: SpaceId,
    /// The instance number of [`spaceport_domain::lifecycle::SpaceState::instance`].
    pub instance: u32,
}

/// Everything needed to make a container.
#[derive(Clone, Debug)]
pub struct ContainerSpec {
    /// Which container it is.
    pub container: ContainerRef,
    /// The host name inside.
    pub hostname: String,
    /// The image, as the engine names it.
    pub image: String,
    /// The SHA-256 in hexadecimal of what its agent believes the edge by.
    pub secret_sha256: String,
    /// The command and its arguments; empty means the image's own.
    pub command: Vec<String>,
    /// The programs of the image to run beside it, as [`spaceport_domain::agent::Config::apps`] has
    /// them.
    pub apps: Vec<String>,
    /// Environment variables, secrets included.
    pub env: Vec<(String, String)>,
    /// Limit on CPU time, in thousandths of a core. `None` is the engine's default.
    pub cpu_millis: Option<u32>,
    /// Limit on memory, swap included, in MiB.
    pub memory_mib: Option<u32>,
    /// Limit on processes and threads.
    pub pids: u32,
    /// Volumes and where they are mounted.
    pub volumes: Vec<VolumeMount>,
}

/// A volume mounted in a container.
#[derive(Clone, Debug)]
pub struct VolumeMount {
    /// The volume.
    pub volume: VolumeSpec,
    /// The absolute path inside the container.
    pub mount_path: String,
}

/// A volume as it is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeSpec {
    /// The volume.
    pub id: VolumeId,
    /// The space it belongs to.
    pub space: SpaceId,
    /// Its declared size in GiB.
    pub size_gib: u32,
}

/// What is known of a volume's use of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeUsage {
    /// Bytes in use, where they can be read cheaply.
    pub used_bytes: Option<u64>,
    /// Whether the kernel refuses writes beyond the declared size.
    pub enforced: bool,
}

/// Which containers to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every container of this installation.
    All,
    /// The containers of one space.
    Space(SpaceId),
}

/// A container as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The space in its label.
    pub space: SpaceId,
    /// Its number and phase.
    pub instance: Instance,
}

/// Something that happened in the engine and may concern a space. It is a wake-up, not a fact:
/// whoever gets it observes anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineEvent {
    /// The stream of events is (again) connected: anything may have happened before.
    Connected,
    /// A container of this space changed.
    Space(SpaceId),
    /// The connection was lost; a new one is being tried.
    Lost,
}

/// A line a space wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When the engine received it.
    pub at: Timestamp,
    /// Where it was written.
    pub stream: LogStream,
    /// The line without its end, at most [`LOG_LINE_MAX_BYTES`] long; bytes that are not UTF-8 are
    /// replaced.
    pub text: String,
}

/// The longest line a log delivers; longer ones come in pieces.
pub const LOG_LINE_MAX_BYTES: usize = 16 * 1024;

/// Where a line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One sample of what a container uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stats {
    /// When it was taken.
    pub at: Timestamp,
    /// CPU used since the last sample, where 1.0 is one core.
    pub cpu_cores: f64,
    /// Memory in use without the page cache, in bytes.
    pub memory_bytes: u64,
    /// The memory limit in bytes.
    pub memory_limit_bytes: u64,
    /// Bytes received since the container started.
    pub network_rx_bytes: u64,
    /// Bytes sent since the container started.
    pub network_tx_bytes: u64,
    /// Processes and threads.
    pub pids: u64,
}

/// Why the engine didn't do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// It couldn't be reached; trying again may help.
    #[error("the container engine can't be reached: {0}")]
    Unavailable(String),
    /// It refused, for a reason that has a code.
    #[error("{message}")]
    Refused {
        /// The reason.
        code: FailureCode,
        /// The same for a person.
        message: String,
    },
    /// The container doesn't exist (any more).
    #[error("no such container")]
    Gone,
}

/// What runs containers. See the module's description for what every call promises.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// Brings the host into the state spaces need: the network and its rules, the volume backend.
    /// Called when the engine becomes reachable, and may be called again at any time.
    async fn prepare(&self) -> Result<(), EngineError>;

    /// The containers in `scope`, by one list call. The exit of one that ended is complete,
    /// including whether the engine remembers it.
    async fn observe(&self, scope: Scope) -> Result<Vec<Seen>, EngineError>;

    /// Whether the engine remembers that this container, now absent, was removed.
    async fn removal_remembered(&self, container: ContainerRef) -> Result<bool, EngineError>;

    /// The apps that an image says it has programs for ([`spaceport_domain::agent::Config::apps`]).
    /// `None` for one that doesn't say, or that the engine doesn't have: it isn't got for that.
    async fn image_apps(&self, image: &str) -> Result<Option<BTreeSet<String>>, EngineError>;

    /// Makes volumes. Says for each, in the same order, whether its size is enforced.
    async fn create_volumes(&self, volumes: &[VolumeSpec]) -> Result<Vec<bool>, EngineError>;

    /// The spaces that have at least one volume.
    async fn spaces_with_volumes(&self, scope: Scope) -> Result<Vec<SpaceId>, EngineError>;

    /// Removes every volume of a space, with its content.
    async fn remove_volumes(&self, space: SpaceId) -> Result<(), EngineError>;

    /// What volumes use, in the same order.
    async fn volume_usage(&self, volumes: &[VolumeSpec]) -> Vec<VolumeUsage>;

    /// Makes a container with its limits, its network and its volumes, without starting it.
    /// Volumes that lost their attachment to the host (after a reboot) are attached again.
    async fn create_container(&self, spec: &ContainerSpec) -> Result<(), EngineError>;

    /// Starts a container.
    async fn start_container(&self, container: ContainerRef) -> Result<(), EngineError>;

    /// Asks a container to end and kills it after `grace`.
    async fn stop_container(
        &self,
        container: ContainerRef,
        grace: Duration,
    ) -> Result<(), EngineError>;

    /// Removes a container, running or not; never a volume.
    async fn remove_container(&self, container: ContainerRef) -> Result<(), EngineError>;

    /// The last lines a container wrote, oldest first.
    async fn log_tail(&self, container: ContainerRef, lines: u32) -> Vec<String>;

    /// The last `tail` lines a container wrote and every line after them, until it ends.
    async fn logs(
        &self,
        container: ContainerRef,
        tail: u32,
    ) -> Result<BoxStream<'static, LogLine>, EngineError>;

    /// A sample each second or so, until the container ends.
    async fn stats(
        &self,
        container: ContainerRef,
    ) -> Result<BoxStream<'static, Stats>, EngineError>;

    /// What happens in the engine, for ever: the stream connects again by itself.
    fn events(&self) -> BoxStream<'static, EngineEvent>;
}

/// How to reach and use a Docker Engine.
#[derive(Clone, Debug)]
pub struct DockerSettings {
    /// `unix://…`, `tcp://…` or `http://…`; `None` is the platform's default socket.
    pub host: Option<String>,
    /// Marks what belongs to this installation, in the label `spaceport.installation`. Two
    /// installations on one engine don't see each other's objects.
    pub installation: String,
    /// What every space is started with.
    pub agent: AgentProgram,
    /// Where volume images and their mounts are kept.
    pub volumes_dir: PathBuf,
    /// Whether volume sizes are to be enforced.
    pub enforcement: Enforcement,
    /// Whether the API sets the host's packet filter itself.
    pub firewall: Firewall,
}

/// Whether volume sizes are enforced by the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// Where the host allows it; otherwise counted only.
    Auto,
    /// Never: sizes are counted only.
    Off,
}

/// Who keeps spaces from reaching the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firewall {
    /// The API, by `iptables`. No space starts where that fails.
    Managed,
    /// The operator, by means of their own.
    External,
}
