//! The request that makes a container: what a space may do and use, decided before its first
//! process runs.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, ResourcesUlimits, RestartPolicy,
    RestartPolicyNameEnum,
};

use spaceport_domain::agent::{CONFIG_VARIABLE, Config, PROGRAM_PATH};

use super::{super::ContainerSpec, images::ImageDefaults, labels::Installation};

/// What root inside a space may do: Docker's default set without two.
///
/// Left out are `NET_RAW`, with which a space could answer for its neighbours' addresses on their
/// common bridge (ARP), and `MKNOD`. What remains is what `sudo` and a package manager need inside
/// (`AUDIT_WRITE`, too: without it `sudo` complains at each call). For `sudo`'s sake, too,
/// `no-new-privileges` is not set: within these bounds, being root is a matter of the image.
const CAPABILITIES: [&str; 12] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

const BYTES_PER_MIB: i64 = 1024 * 1024;

/// Shared memory, which browsers need more of than Docker's 64 MiB. It counts against the limit on
/// memory.
const SHM_BYTES: i64 = 256 * BYTES_PER_MIB;

/// Open files of one process.
const OPEN_FILES: i64 = 16_384;

/// What a space wrote is kept up to this size, in this many files.
const LOG_FILE_MIB: u32 = 10;
const LOG_FILES: u32 = 2;

/// How much sooner than the host's own processes the kernel picks a space's when the *host* runs
/// out of memory, on a scale to 1000.
const OOM_SCORE_ADJUSTMENT: i64 = 500;

/// The request for `spec`, from an image that says this and with an agent of this version, whose
/// volume is mounted by `mounts` like the space's own.
pub(super) fn container_body(
    installation: &Installation,
    spec: &ContainerSpec,
    image: &ImageDefaults,
    agent_version: String,
    mounts: Vec<Mount>,
) -> ContainerCreateBody {
    // The first process is the agent, as root: it runs what the image or the template says, as whom
    // the image says.
    let env = spec.env.iter().filter(|(name, _)| name != CONFIG_VARIABLE);
    let env = env.map(|(name, value)| format!("{name}={value}"));
    let config = format!("{CONFIG_VARIABLE}={}", agent_config(spec, image));
    ContainerCreateBody {
        hostname: Some(spec.hostname.clone()),
        image: Some(spec.image.clone()),
        entrypoint: Some(vec![PROGRAM_PATH.to_owned()]),
        user: Some("0".to_owned()),
        env: Some(env.chain([config]).collect()),
        labels: Some(installation.labels_with_agent(spec.container, agent_version)),
        tty: Some(false),
        host_config: Some(host_config(installation, spec, mounts)),
        ..ContainerCreateBody::default()
    }
}

/// What the agent is told, in JSON.
fn agent_config(spec: &ContainerSpec, image: &ImageDefaults) -> String {
    let command = if spec.command.is_empty() {
        &image.command
    } else {
        &spec.command
    };
    let config = Config {
        secret_sha256: spec.secret_sha256.clone(),
        command: [&image.entrypoint[..], command].concat(),
        user: image.user.clone(),
        working_dir: image.working_dir.clone(),
        apps: spec.apps.clone(),
        ..Config::default()
    };
    // A value of texts and numbers can always be written.
    serde_json::to_string(&config).unwrap_or_default()
}

fn host_config(
    installation: &Installation,
    spec: &ContainerSpec,
    mounts: Vec<Mount>,
) -> HostConfig {
    let memory_bytes = spec.memory_mib.map(|mib| i64::from(mib) * BYTES_PER_MIB);
    HostConfig {
        // The agent is one.
        init: Some(false),
        memory: memory_bytes,
        memory_swap: memory_bytes,
        nano_cpus: spec.cpu_millis.map(|millis| i64::from(millis) * 1_000_000),
        pids_limit: Some(i64::from(spec.pids)),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(CAPABILITIES.map(str::to_owned).to_vec()),
        network_mode: Some(installation.network()),
        mounts: Some(mounts),
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), format!("{LOG_FILE_MIB}m")),
                ("max-file".to_owned(), LOG_FILES.to_string()),
            ])),
        }),
        ulimits: Some(vec![ResourcesUlimits {
            name: Some("nofile".to_owned()),
            soft: Some(OPEN_FILES),
            hard: Some(OPEN_FILES),
        }]),
        shm_size: Some(SHM_BYTES),
        ipc_mode: Some("private".to_owned()),
        oom_score_adj: Some(OOM_SCORE_ADJUSTMENT),
        privileged: Some(false),
        publish_all_ports: Some(false),
        ..HostConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use spaceport_domain::id::SpaceId;
    use uuid::Uuid;

    use super::{super::super::ContainerRef, *};

    fn body(spec: &ContainerSpec) -> ContainerCreateBody {
        let installation = Installation::parse("main").expect("a valid name");
        container_body(&installation, spec, &image(), "1".to_owned(), Vec::new())
    }

    fn image() -> ImageDefaults {
        ImageDefaults {
            entrypoint: vec!["/entry".to_owned()],
            command: vec!["serve".to_owned()],
            user: "dev:staff".to_owned(),
            working_dir: "/work".to_owned(),
        }
    }

    /// What the agent reads.
    fn config(spec: &ContainerSpec) -> Config {
        let env = body(spec).env.expect("an environment");
        let mut told = env
            .iter()
            .filter_map(|it| it.strip_prefix("SPACEPORT_AGENT="));
        let config = serde_json::from_str(told.next().expect("its configuration"));
        assert_eq!(told.next(), None, "the agent is told once");
        config.expect("JSON")
    }

    fn spec() -> ContainerSpec {
        ContainerSpec {
            container: ContainerRef {
                space: SpaceId::new(Uuid::from_u128(1)),
                instance: 3,
            },
            hostname: "box".to_owned(),
            image: "a:1".to_owned(),
            secret_sha256: "ab".repeat(32),
            command: Vec::new(),
            apps: vec!["code".to_owned()],
            env: vec![("A".to_owned(), "b=c".to_owned())],
            cpu_millis: Some(1_500),
            memory_mib: Some(64),
            pids: 100,
            volumes: Vec::new(),
        }
    }

    #[test]
    fn a_space_gets_nothing_of_the_host() {
        let host = body(&spec()).host_config.expect("a host config");
        assert_eq!(host.privileged, Some(false));
        assert_eq!(host.cap_drop, Some(vec!["ALL".to_owned()]));
        assert_eq!(host.ipc_mode.as_deref(), Some("private"));
        assert_eq!(host.network_mode.as_deref(), Some("spaceport-main"));
        assert!(host.binds.is_none() && host.devices.is_none() && host.pid_mode.is_none());
        let added = host.cap_add.expect("capabilities");
        for forbidden in ["NET_RAW", "NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE", "MKNOD"] {
            assert!(!added.iter().any(|cap| cap == forbidden), "{forbidden}");
        }
    }

    #[test]
    fn limits_are_in_the_units_of_the_engine() {
        let host = body(&spec()).host_config.expect("a host config");
        assert_eq!(host.memory, Some(67_108_864));
        assert_eq!(host.memory_swap, host.memory, "no swap beyond the limit");
        assert_eq!(host.nano_cpus, Some(1_500_000_000));
        assert_eq!(host.pids_limit, Some(100));
    }

    #[test]
    fn the_agent_runs_what_the_image_or_the_template_says_as_whom_the_image_says() {
        let body = body(&spec());
        assert_eq!(body.entrypoint, Some(vec![PROGRAM_PATH.to_owned()]));
        assert_eq!((body.cmd, body.user.as_deref()), (None, Some("0")));
        let told = config(&spec());
        assert_eq!(told.command, ["/entry", "serve"]);
        assert_eq!((&*told.user, &*told.working_dir), ("dev:staff", "/work"));
        assert_eq!(told.secret_sha256, spec().secret_sha256);
        assert_eq!(told.apps, ["code"]);
        let with_command = ContainerSpec {
            command: vec!["sh".to_owned()],
            ..spec()
        };
        assert_eq!(config(&with_command).command, ["/entry", "sh"]);
    }

    #[test]
    fn nobody_else_tells_the_agent_anything() {
        let claims = ContainerSpec {
            env: vec![(CONFIG_VARIABLE.to_owned(), "{}".to_owned())],
            ..spec()
        };
        assert_eq!(config(&claims), config(&spec()));
    }
}
