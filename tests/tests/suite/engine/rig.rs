//! An installation of its own for each test, of which nothing stays behind.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

use bollard::{
    Docker,
    container::LogOutput,
    exec::{CreateExecOptions, StartExecResults},
};
use futures_util::StreamExt;
use spaceport_api::engine::{
    AgentProgram, ContainerRef, ContainerSpec, DockerSettings, Enforcement, Engine, Firewall,
    Scope, VolumeMount, VolumeSpec, docker::DockerEngine,
};
use spaceport_domain::{
    id::{SpaceId, VolumeId},
    lifecycle::{Exit, Phase},
};
use tokio::time::timeout;
use uuid::Uuid;

/// The image most tests use; it is small.
pub(super) const BUSYBOX: &str = "spaceport/busybox";
/// The image with a user who isn't root.
pub(super) const BASE: &str = "spaceport/base";

/// No test waits longer for anything.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// One installation and the way to its engine.
pub(super) struct Rig {
    pub(super) engine: DockerEngine,
    pub(super) docker: Docker,
    pub(super) installation: String,
    pub(super) volumes_dir: PathBuf,
    cleanup: Cleanup,
}

impl Rig {
    /// An installation on the machine's Docker Engine, isolated and enforced as in production.
    pub(super) async fn new() -> Self {
        Self::with(None, Enforcement::Auto, Firewall::Managed).await
    }

    pub(super) async fn with(
        host: Option<String>,
        enforcement: Enforcement,
        firewall: Firewall,
    ) -> Self {
        // The process is in the name for `dev/sweep`, which removes what ended tests left.
        let random = &Uuid::new_v4().simple().to_string()[..8];
        let installation = format!("test-{}-{random}", std::process::id());
        let volumes_dir = std::env::temp_dir().join(format!("spaceport-{installation}"));
        let docker = docker(host.as_deref());
        let docker = docker.negotiate_version().await.expect("Docker answers");
        let settings = DockerSettings {
            host: host.clone(),
            installation: installation.clone(),
            agent: agent(),
            volumes_dir: volumes_dir.clone(),
            enforcement,
            firewall,
        };
        let engine = DockerEngine::new(&settings).expect("settings that make sense");
        let rig = Self {
            engine,
            docker,
            cleanup: Cleanup {
                host,
                installation: installation.clone(),
                volumes_dir: volumes_dir.clone(),
            },
            installation,
            volumes_dir,
        };
        rig.engine.prepare().await.expect("the host is prepared");
        rig
    }

    /// Another engine for the same installation, as after a restart of the API.
    pub(super) fn again(&self, enforcement: Enforcement) -> DockerEngine {
        DockerEngine::new(&DockerSettings {
            host: self.cleanup.host.clone(),
            installation: self.installation.clone(),
            agent: agent(),
            volumes_dir: self.volumes_dir.clone(),
            enforcement,
            firewall: Firewall::External,
        })
        .expect("settings that make sense")
    }

    pub(super) fn network(&self) -> String {
        format!("spaceport-{}", self.installation)
    }

    /// Makes and starts a container that runs `script` in a shell.
    pub(super) async fn run(&self, script: &str) -> ContainerRef {
        self.run_spec(&spec(script)).await
    }

    pub(super) async fn run_spec(&self, spec: &ContainerSpec) -> ContainerRef {
        self.engine.create_container(spec).await.expect("created");
        self.engine
            .start_container(spec.container)
            .await
            .expect("started");
        spec.container
    }

    /// What `container` is doing; `None` when it doesn't exist.
    pub(super) async fn phase(&self, container: ContainerRef) -> Option<Phase> {
        let seen = self.engine.observe(Scope::Space(container.space)).await;
        seen.expect("observed")
            .into_iter()
            .find(|it| it.instance.number == container.instance)
            .map(|it| it.instance.phase)
    }

    /// Waits, on the engine's events, until `container` is doing something that `wanted` accepts.
    pub(super) async fn phase_when(
        &self,
        container: ContainerRef,
        wanted: impl Fn(&Option<Phase>) -> bool,
    ) -> Option<Phase> {
        let mut events = self.engine.events();
        let wait = async {
            loop {
                let phase = self.phase(container).await;
                if wanted(&phase) {
                    return phase;
                }
                events.next().await;
            }
        };
        timeout(PATIENCE, wait).await.expect("in time")
    }

    pub(super) async fn exit(&self, container: ContainerRef) -> Exit {
        let is_exit = |phase: &Option<Phase>| matches!(phase, Some(Phase::Exited(_)));
        match self.phase_when(container, is_exit).await {
            Some(Phase::Exited(exit)) => exit,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn address(&self, container: ContainerRef) -> String {
        match self.phase(container).await {
            Some(Phase::Running {
                address: Some(address),
                ..
            }) => address.to_string(),
            other => panic!("{other:?}"),
        }
    }

    /// Runs `script` in a shell in a running container: its exit code and what it wrote.
    pub(super) async fn inside(&self, container: ContainerRef, script: &str) -> (i64, String) {
        let exec = CreateExecOptions {
            cmd: Some(vec!["sh", "-c", script]),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..CreateExecOptions::default()
        };
        let name = container_name(container);
        let id = self.docker.create_exec(&name, exec).await.expect("exec").id;
        let started = self.docker.start_exec(&id, None).await.expect("exec runs");
        let StartExecResults::Attached { mut output, .. } = started else {
            panic!("detached");
        };
        let mut text = String::new();
        let read = async {
            while let Some(Ok(piece)) = output.next().await {
                text.push_str(&String::from_utf8_lossy(&piece_bytes(piece)));
            }
        };
        timeout(PATIENCE, read).await.expect("exec ends in time");
        let code = self.docker.inspect_exec(&id).await.expect("exec").exit_code;
        (code.expect("an exit code"), text.trim().to_owned())
    }
}

fn piece_bytes(piece: LogOutput) -> Vec<u8> {
    piece.into_bytes().to_vec()
}

/// The agent that `dev/agent` makes.
pub(super) fn agent() -> AgentProgram {
    AgentProgram::read(&spaceport_tests::program::agent_path()).expect("the agent's program")
}

fn docker(host: Option<&str>) -> Docker {
    match host {
        Some(host) => Docker::connect_with_unix(host, 60, bollard::API_DEFAULT_VERSION),
        None => Docker::connect_with_unix_defaults(),
    }
    .expect("Docker's socket")
}

pub(super) fn container_name(container: ContainerRef) -> String {
    let space = container.space.uuid().simple();
    format!("spaceport-{space}-{}", container.instance)
}

pub(super) fn new_space() -> SpaceId {
    SpaceId::new(Uuid::now_v7())
}

/// A container of a new space that runs `script` in a shell.
pub(super) fn spec(script: &str) -> ContainerSpec {
    ContainerSpec {
        container: ContainerRef {
            space: new_space(),
            instance: 1,
        },
        hostname: "box".to_owned(),
        image: BUSYBOX.to_owned(),
        secret_sha256: "00".repeat(32),
        command: vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()],
        apps: Vec::new(),
        env: Vec::new(),
        cpu_millis: None,
        memory_mib: Some(64),
        pids: 64,
        volumes: Vec::new(),
    }
}

/// The same space's next container.
pub(super) fn next(spec: &ContainerSpec) -> ContainerSpec {
    let mut next = spec.clone();
    next.container.instance += 1;
    next
}

/// A new volume of the space of `spec`, mounted at `mount_path`.
pub(super) fn with_volume(
    mut spec: ContainerSpec,
    mount_path: &str,
) -> (ContainerSpec, VolumeSpec) {
    let volume = VolumeSpec {
        id: VolumeId::new(Uuid::now_v7()),
        space: spec.container.space,
        size_gib: 1,
    };
    spec.volumes.push(VolumeMount {
        volume,
        mount_path: mount_path.to_owned(),
    });
    (spec, volume)
}

/// Runs a program of the host.
pub(super) fn host(program: &str, args: &[&str]) -> Output {
    Command::new(program).args(args).output().expect(program)
}

/// What a program of the host wrote.
pub(super) fn host_output(program: &str, args: &[&str]) -> String {
    String::from_utf8_lossy(&host(program, args).stdout).into_owned()
}

/// Asks again and again, for what no event tells.
pub(super) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < PATIENCE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Removes everything of one installation, also when its test panicked.
struct Cleanup {
    host: Option<String>,
    installation: String,
    volumes_dir: PathBuf,
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        let mut docker = Command::new("docker");
        if let Some(host) = &self.host {
            docker.env("DOCKER_HOST", host);
        }
        let script = r"
            label=label=spaceport.installation=$1
            docker ps -aq --filter $label | xargs -r docker rm -f
            docker volume ls -q --filter $label | xargs -r docker volume rm
            docker network ls -q --filter $label | xargs -r docker network rm
        ";
        let environment = docker
            .get_envs()
            .map(|(key, value)| (key, value.expect("set")));
        let swept = Command::new("sh")
            .args(["-c", script, "sh", &self.installation])
            .envs(environment)
            .output();
        if let Err(error) = swept {
            eprintln!("{} isn't swept: {error}", self.installation);
        }
        remove_rules(&self.installation);
        remove_mounts(&self.volumes_dir);
    }
}

fn remove_rules(installation: &str) {
    let comment = format!("--comment spaceport-{installation} ");
    for program in ["iptables", "ip6tables"] {
        let rules = host_output(program, &["-w", "-S"]);
        let hooks = rules.lines().filter(|rule| rule.contains(&comment));
        let mut chains = Vec::new();
        for hook in hooks {
            let words: Vec<&str> = hook.split(' ').collect();
            host(program, &[&["-w", "-D"], &words[1..]].concat());
            chains.push(words[words.len() - 1]);
        }
        for chain in chains {
            host(program, &["-w", "-F", chain]);
            host(program, &["-w", "-X", chain]);
        }
    }
}

fn remove_mounts(volumes_dir: &Path) {
    for entry in std::fs::read_dir(volumes_dir)
        .into_iter()
        .flatten()
        .flatten()
    {
        if entry.path().is_dir() {
            host("umount", &[&entry.path().to_string_lossy()]);
        }
    }
    let _ = std::fs::remove_dir_all(volumes_dir);
}
