//! What an image may ask for.

use spaceport_api::engine::{ContainerSpec, Engine};
use spaceport_domain::lifecycle::{Health, Phase};

use spaceport_tests::Image;

use super::rig::{Rig, host, host_output, spec};

const FOREVER: &str = "sleep 1000 & wait";

fn with(rig: &Rig, instruction: &str) -> Image {
    let image = Image::of(None, &rig.installation);
    image.make();
    image.instruct(instruction);
    image
}

fn spec_of(image: &Image) -> ContainerSpec {
    ContainerSpec {
        image: image.name().to_owned(),
        ..spec(FOREVER)
    }
}

#[tokio::test]
async fn a_health_check_is_followed() {
    let rig = Rig::new().await;
    let image = with(
        &rig,
        "HEALTHCHECK --interval=1s --retries=1 CMD test -e /tmp/healthy",
    );
    let container = rig.run_spec(&spec_of(&image)).await;
    let is = |wanted: Health| move |phase: &Option<Phase>| matches!(phase, Some(Phase::Running { health, .. }) if *health == wanted);
    assert!(is(Health::Pending)(&rig.phase(container).await));
    rig.phase_when(container, is(Health::Unhealthy)).await;
    rig.inside(container, "touch /tmp/healthy").await;
    rig.phase_when(container, is(Health::Healthy)).await;
    rig.engine
        .remove_container(container)
        .await
        .expect("removed");
}

#[tokio::test]
async fn volumes_that_only_the_image_asks_for_go_with_the_container() {
    let rig = Rig::new().await;
    let image = with(&rig, "VOLUME /of-the-image");
    let container = rig.run_spec(&spec_of(&image)).await;
    let format = "{{range .Mounts}}{{if eq .Destination \"/of-the-image\"}}{{.Name}}{{end}}{{end}}";
    let name = super::rig::container_name(container);
    let volume = host_output("docker", &["inspect", "--format", format, &name]);
    let exists = || {
        host("docker", &["volume", "inspect", volume.trim()])
            .status
            .success()
    };
    assert!(!volume.trim().is_empty() && exists(), "{volume}");
    rig.engine
        .remove_container(container)
        .await
        .expect("removed");
    assert!(!exists(), "{volume}");
}
