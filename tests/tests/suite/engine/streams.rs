//! Logs, samples and events.

use std::time::Duration;

use futures_util::StreamExt;
use spaceport_api::engine::{
    ContainerSpec, Engine, EngineError, EngineEvent, LOG_LINE_MAX_BYTES, LogStream,
};
use tokio::time::timeout;

use super::rig::{PATIENCE, Rig, next, spec};

#[tokio::test]
async fn a_log_begins_with_its_tail_and_goes_on_to_the_end() {
    let rig = Rig::new().await;
    let container = rig
        .run("seq 5; echo oops >&2; read wait < /dev/null; sleep 0.5; echo later; printf end")
        .await;
    let log = rig.engine.logs(container, 100).await.expect("a log");
    let lines: Vec<_> = timeout(PATIENCE, log.collect::<Vec<_>>()).await.unwrap();
    // Docker may not deliver what ends without a line's end to those who follow; it is kept, and
    // in the tail.
    let of = |stream| {
        lines
            .iter()
            .filter(|line| line.stream == stream && line.text != "end")
            .map(|line| line.text.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(LogStream::Stdout), ["1", "2", "3", "4", "5", "later"]);
    assert_eq!(of(LogStream::Stderr), ["oops"]);
    assert!(lines.is_sorted_by_key(|line| line.at));
    let tail = rig.engine.log_tail(container, 2).await;
    assert_eq!(tail, ["later", "end"]);
}

#[tokio::test]
async fn long_lines_come_in_pieces_and_bad_bytes_are_replaced() {
    let rig = Rig::new().await;
    let script = "head -c 40000 /dev/zero | tr '\\0' x; echo; printf '\\377ok\\n'";
    let container = rig.run(script).await;
    rig.exit(container).await;
    let log = rig.engine.logs(container, 100).await.expect("a log");
    let texts: Vec<String> = timeout(PATIENCE, log.map(|line| line.text).collect())
        .await
        .unwrap();
    let (invalid, pieces) = texts.split_last().expect("lines");
    assert_eq!(invalid, "\u{fffd}ok");
    assert!(pieces.iter().all(|text| text.len() <= LOG_LINE_MAX_BYTES));
    assert_eq!(pieces.len(), 3);
    assert_eq!(pieces.concat(), "x".repeat(40_000));
}

#[tokio::test]
async fn there_is_no_log_of_a_container_that_is_not_there() {
    let rig = Rig::new().await;
    let missing = spec("true").container;
    assert!(matches!(
        rig.engine.logs(missing, 1).await,
        Err(EngineError::Gone)
    ));
    assert!(matches!(
        rig.engine.stats(missing).await,
        Err(EngineError::Gone)
    ));
    assert_eq!(rig.engine.log_tail(missing, 1).await, Vec::<String>::new());
}

#[tokio::test]
async fn samples_tell_use_and_end_with_the_container() {
    let rig = Rig::new().await;
    let busy = ContainerSpec {
        cpu_millis: Some(500),
        memory_mib: Some(32),
        ..spec("trap 'exit 0' TERM; while :; do :; done")
    };
    let container = rig.run_spec(&busy).await;
    let mut samples = rig.engine.stats(container).await.expect("samples");
    let first = timeout(PATIENCE, samples.next()).await.unwrap().unwrap();
    assert!(
        (0.1..0.7).contains(&first.cpu_cores),
        "{} cores",
        first.cpu_cores
    );
    assert_eq!(first.memory_limit_bytes, 32 * 1024 * 1024);
    assert!((1..first.memory_limit_bytes).contains(&first.memory_bytes));
    assert!(first.pids >= 2);
    let grace = Duration::from_secs(5);
    rig.engine.stop_container(container, grace).await.unwrap();
    let rest = timeout(PATIENCE, samples.collect::<Vec<_>>()).await;
    assert!(rest.is_ok(), "the stream ends");
}

#[tokio::test]
async fn events_tell_whose_container_changed() {
    let rig = Rig::new().await;
    let mut events = rig.engine.events();
    let mut next_event = async || timeout(PATIENCE, events.next()).await.unwrap().unwrap();
    assert_eq!(next_event().await, EngineEvent::Connected);
    let first = spec("true");
    rig.engine.create_container(&first).await.unwrap();
    let ours = EngineEvent::Space(first.container.space);
    assert_eq!(next_event().await, ours, "created");
    rig.engine.start_container(first.container).await.unwrap();
    assert_eq!(next_event().await, ours, "started");
    assert_eq!(next_event().await, ours, "ended");
    rig.engine.remove_container(first.container).await.unwrap();
    assert_eq!(next_event().await, ours, "removed");
    rig.engine.create_container(&next(&first)).await.unwrap();
    assert_eq!(next_event().await, ours, "created again");
}
