//! Making, starting, stopping and removing; and how an end is told.

use std::time::{Duration, Instant};

use bollard::{
    models::ContainerCreateBody,
    query_parameters::{
        CreateContainerOptionsBuilder, InspectContainerOptions, RemoveContainerOptionsBuilder,
    },
};
use spaceport_api::engine::{ContainerSpec, Engine, EngineError, Scope};
use spaceport_domain::lifecycle::{Failure, FailureCode, Phase};

use super::rig::{BASE, Rig, container_name, next, spec};

/// Runs until it is told to stop.
const FOREVER: &str = "sleep 1000 & wait";

fn code(result: Result<(), EngineError>) -> FailureCode {
    match result {
        Err(EngineError::Refused { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

fn with_command(command: &[&str]) -> ContainerSpec {
    ContainerSpec {
        command: command.iter().map(|&word| word.to_owned()).collect(),
        ..spec("")
    }
}

#[tokio::test]
async fn limits_are_in_force_before_the_first_process() {
    let rig = Rig::new().await;
    let limited = ContainerSpec {
        cpu_millis: Some(250),
        memory_mib: Some(48),
        pids: 20,
        ..spec(
            "cd /sys/fs/cgroup
             cat memory/memory.limit_in_bytes memory.max 2>/dev/null
             cat pids/pids.max pids.max 2>/dev/null
             cat cpu/cpu.cfs_quota_us 2>/dev/null || cut -d' ' -f1 cpu.max
             ulimit -n",
        )
    };
    let container = rig.run_spec(&limited).await;
    rig.exit(container).await;
    let lines = rig.engine.log_tail(container, 10).await;
    assert_eq!(lines, ["50331648", "20", "25000", "16384"]);
}

#[tokio::test]
async fn a_space_cannot_have_more_processes_than_its_limit() {
    let rig = Rig::new().await;
    let limited = ContainerSpec {
        pids: 10,
        ..spec("for i in $(seq 30); do sleep 5 & done; echo reached")
    };
    let container = rig.run_spec(&limited).await;
    let exit = rig.exit(container).await;
    assert_ne!(exit.code, 0);
    let lines = rig.engine.log_tail(container, 50).await;
    assert!(lines.iter().any(|line| line.contains("fork")), "{lines:?}");
}

#[tokio::test]
async fn root_inside_has_few_capabilities_and_sudo_works() {
    let rig = Rig::new().await;
    let base = ContainerSpec {
        image: BASE.to_owned(),
        ..spec(FOREVER)
    };
    let container = rig.run_spec(&base).await;
    let (_, bounding) = rig.inside(container, "grep CapBnd /proc/self/status").await;
    let bounding = u64::from_str_radix(bounding.split_whitespace().last().unwrap(), 16).unwrap();
    // capabilities(7): NET_ADMIN 12, NET_RAW 13, SYS_MODULE 16, SYS_PTRACE 19, SYS_ADMIN 21,
    // MKNOD 27.
    for forbidden in [12, 13, 16, 19, 21, 27] {
        assert_eq!(bounding & (1 << forbidden), 0, "capability {forbidden}");
    }
    assert_eq!(
        rig.inside(container, "sudo -n id -u").await,
        (0, "0".to_owned())
    );
}

#[tokio::test]
async fn an_end_for_want_of_memory_is_flagged() {
    let rig = Rig::new().await;
    let hungry = ContainerSpec {
        memory_mib: Some(16),
        ..spec("tail /dev/zero; exit 9")
    };
    let container = rig.run_spec(&hungry).await;
    let exit = rig.exit(container).await;
    assert!(exit.oom_killed);
    assert_eq!(exit.code, 9);
    assert_eq!(Failure::from_exit(&exit).code, FailureCode::OomKilled);
}

#[tokio::test]
async fn a_command_that_is_not_there_or_not_executable_is_told() {
    let rig = Rig::new().await;
    for (command, expected) in [
        ("/no/such", FailureCode::CommandNotFound),
        ("nosuch", FailureCode::CommandNotFound),
        ("/etc/passwd", FailureCode::CommandNotExecutable),
    ] {
        let spec = with_command(&[command]);
        rig.engine.create_container(&spec).await.expect("created");
        let told = match rig.engine.start_container(spec.container).await {
            Err(EngineError::Refused { code, .. }) => code,
            Ok(()) => Failure::from_exit(&rig.exit(spec.container).await).code,
            other => panic!("{other:?}"),
        };
        assert_eq!(told, expected, "{command}");
    }
}

#[tokio::test]
async fn a_missing_image_is_told_within_seconds() {
    let rig = Rig::new().await;
    for image in ["localhost:1/no/such:1", "NOT/a name"] {
        let missing = ContainerSpec {
            image: image.to_owned(),
            ..spec("true")
        };
        let started = Instant::now();
        let result = rig.engine.create_container(&missing).await;
        assert_eq!(code(result), FailureCode::ImageMissing, "{image}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_name_that_somebody_else_holds_is_told() {
    let rig = Rig::new().await;
    let ours = spec(FOREVER);
    let name = container_name(ours.container);
    let options = CreateContainerOptionsBuilder::default().name(&name).build();
    let body = ContainerCreateBody {
        image: Some(ours.image.clone()),
        ..ContainerCreateBody::default()
    };
    let created = rig.docker.create_container(Some(options), body).await;
    created.expect("somebody else's container");
    let result = rig.engine.create_container(&ours).await;
    let seen = rig.engine.observe(Scope::All).await.expect("observed");
    let force = RemoveContainerOptionsBuilder::default().force(true).build();
    rig.docker
        .remove_container(&name, Some(force))
        .await
        .expect("removed");
    assert_eq!(code(result), FailureCode::NameTaken);
    assert_eq!(seen, [], "what isn't ours isn't seen");
}

#[tokio::test]
async fn an_end_is_told_completely_and_remembered() {
    let rig = Rig::new().await;
    let container = rig.run("sleep 0.3; exit 7").await;
    let exit = rig.exit(container).await;
    assert_eq!(exit.code, 7);
    assert!(!exit.oom_killed);
    assert!((300..5_000).contains(&exit.ran_ms), "{} ms", exit.ran_ms);
    assert!(exit.remembered);
    let ended_s = exit.at.as_millis() / 1_000;
    let now_s = i64::try_from(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs(),
    )
    .unwrap();
    assert!((now_s - 20..=now_s + 1).contains(&ended_s));
}

#[tokio::test]
async fn a_removal_by_somebody_else_is_remembered() {
    let rig = Rig::new().await;
    let spec = spec(FOREVER);
    let container = rig.run_spec(&spec).await;
    let remembered = || rig.engine.removal_remembered(container);
    assert!(!remembered().await.expect("an answer"));
    let force = RemoveContainerOptionsBuilder::default().force(true).build();
    rig.docker
        .remove_container(&container_name(container), Some(force))
        .await
        .expect("removed");
    rig.phase_when(container, Option::is_none).await;
    assert!(remembered().await.expect("an answer"));
    let other = rig.engine.removal_remembered(next(&spec).container).await;
    assert!(!other.expect("an answer"), "another instance");
}

#[tokio::test]
async fn every_call_can_be_repeated() {
    let rig = Rig::new().await;
    let engine = &rig.engine;
    let spec = spec(FOREVER);
    let container = spec.container;
    for _ in 0..2 {
        engine.prepare().await.expect("prepared");
    }
    for _ in 0..2 {
        engine.create_container(&spec).await.expect("created");
        assert_eq!(rig.phase(container).await, Some(Phase::Created));
    }
    for _ in 0..2 {
        engine.start_container(container).await.expect("started");
        assert!(matches!(
            rig.phase(container).await,
            Some(Phase::Running { .. })
        ));
    }
    engine.create_container(&spec).await.expect("still there");
    for _ in 0..2 {
        let grace = Duration::from_secs(10);
        engine
            .stop_container(container, grace)
            .await
            .expect("stopped");
        assert!(matches!(rig.phase(container).await, Some(Phase::Exited(_))));
    }
    for _ in 0..2 {
        engine.remove_container(container).await.expect("removed");
        assert_eq!(rig.phase(container).await, None);
    }
    let grace = Duration::ZERO;
    engine
        .stop_container(container, grace)
        .await
        .expect("gone is stopped");
    let start = engine.start_container(container).await;
    assert_eq!(start, Err(EngineError::Gone));
}

#[tokio::test]
async fn a_stop_waits_its_grace_and_no_longer() {
    let rig = Rig::new().await;
    let willing = rig.run("trap 'exit 0' TERM; sleep 1000 & wait").await;
    let started = Instant::now();
    let grace = Duration::from_secs(10);
    rig.engine
        .stop_container(willing, grace)
        .await
        .expect("stopped");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(rig.exit(willing).await.code, 0);

    let stubborn = rig.run("trap '' TERM; while :; do sleep 0.1; done").await;
    let started = Instant::now();
    let grace = Duration::from_secs(1);
    rig.engine
        .stop_container(stubborn, grace)
        .await
        .expect("killed");
    assert!((1.0..6.0).contains(&started.elapsed().as_secs_f64()));
    assert_eq!(rig.exit(stubborn).await.code, 137);
}

#[tokio::test]
async fn environment_and_host_name_are_as_specified() {
    let rig = Rig::new().await;
    let mut spec = spec("echo \"$HOSTNAME_WANTED $(hostname)\"");
    spec.hostname = "alices-box".to_owned();
    spec.env = vec![("HOSTNAME_WANTED".to_owned(), "a=b c".to_owned())];
    let container = rig.run_spec(&spec).await;
    rig.exit(container).await;
    let lines = rig.engine.log_tail(container, 10).await;
    assert_eq!(lines, ["a=b c alices-box"]);
}

#[tokio::test]
async fn an_installation_sees_only_its_own() {
    let (one, two) = (Rig::new().await, Rig::new().await);
    let container = one.run(FOREVER).await;
    assert_eq!(two.engine.observe(Scope::All).await, Ok(Vec::new()));
    assert_eq!(one.engine.observe(Scope::All).await.unwrap().len(), 1);
    let details = one
        .docker
        .inspect_container(&container_name(container), None::<InspectContainerOptions>)
        .await
        .expect("inspected");
    let binds = details.host_config.expect("a host config").binds;
    assert_eq!(binds, None, "no mounts of the host");
}
