//! What becomes of spaces when the engine restarts.

use futures_util::StreamExt;
use spaceport_api::engine::{Enforcement, Engine, EngineError, EngineEvent, Firewall, Scope, Seen};
use spaceport_domain::lifecycle::Phase;
use spaceport_tests::PrivateDocker;
use tokio::time::timeout;

use super::rig::{PATIENCE, Rig};

const FOREVER: &str = "sleep 1000 & wait";

async fn rig_on(docker: &PrivateDocker) -> Rig {
    Rig::with(Some(docker.host()), Enforcement::Auto, Firewall::External).await
}

#[tokio::test]
async fn an_end_that_came_with_the_engines_is_not_remembered() {
    let mut docker = PrivateDocker::start().await;
    let rig = rig_on(&docker).await;
    let mut events = rig.engine.events();
    assert_eq!(events.next().await, Some(EngineEvent::Connected));
    let ended = rig.run("exit 3").await;
    assert!(rig.exit(ended).await.remembered);
    let running = rig.run(FOREVER).await;

    docker.terminate();
    // The engine tells of the end of its containers, but lets nobody look at it any more: the end
    // can't be taken for a failure of the space.
    let lost = async {
        while let Some(event) = events.next().await {
            match event {
                EngineEvent::Lost => break,
                _ => match rig.engine.observe(Scope::Space(running.space)).await {
                    Err(EngineError::Unavailable(_)) => {}
                    Ok(seen) => {
                        let ended = |it: &Seen| matches!(it.instance.phase, Phase::Exited(_));
                        assert!(!seen.iter().any(ended));
                    }
                    other => panic!("{other:?}"),
                },
            }
        }
    };
    timeout(PATIENCE, lost).await.expect("the loss is told");
    docker.start_again().await;
    let again = timeout(PATIENCE, events.next()).await.expect("in time");
    assert_eq!(again, Some(EngineEvent::Connected));
    assert!(!rig.exit(running).await.remembered);
    assert!(!rig.exit(ended).await.remembered);
    assert_eq!(rig.engine.removal_remembered(running).await, Ok(false));
}

#[tokio::test]
async fn an_end_by_an_engine_that_came_back_is_not_remembered() {
    let mut docker = PrivateDocker::start().await;
    let rig = rig_on(&docker).await;
    let mut events = rig.engine.events();
    assert_eq!(events.next().await, Some(EngineEvent::Connected));
    let running = rig.run(FOREVER).await;
    docker.kill();
    let lost = async { while events.next().await != Some(EngineEvent::Lost) {} };
    timeout(PATIENCE, lost).await.expect("the loss is told");
    assert!(matches!(
        rig.engine.observe(Scope::All).await,
        Err(EngineError::Unavailable(_))
    ));
    docker.start_again().await;
    let again = timeout(PATIENCE, events.next()).await.expect("in time");
    assert_eq!(again, Some(EngineEvent::Connected));
    // An engine without `--live-restore` ends what it finds running, and remembers that it did.
    assert!(!rig.exit(running).await.remembered);
    // What starts from now on is as remembered as ever.
    let after = rig.run("exit 4").await;
    assert!(rig.exit(after).await.remembered);
}

#[tokio::test]
async fn an_engine_can_be_made_before_docker_is_there() {
    let docker = PrivateDocker::start().await;
    let rig = rig_on(&docker).await;
    let early = rig.again(Enforcement::Auto);
    drop(docker);
    assert!(matches!(
        early.observe(Scope::All).await,
        Err(EngineError::Unavailable(_))
    ));
    assert!(matches!(
        early.prepare().await,
        Err(EngineError::Unavailable(_))
    ));
}
