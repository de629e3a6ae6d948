//! What an image may ask for.

use spaceport_api::engine::{ContainerSpec, Engine};
use spaceport_domain::lifecycle::{Health, Phase};

use super::rig::{BUSYBOX, Rig, host, host_output, spec};

const FOREVER: &str = "sleep 1000 & wait";

/// The small image with one more line in its recipe. It goes with the test.
struct Image(String);

impl Image {
    fn with(rig: &Rig, change: &str) -> Self {
        let name = format!("spaceport-{}", rig.installation);
        let container = host_output("docker", &["create", BUSYBOX]);
        let change = format!("--change={change}");
        host("docker", &["commit", &change, container.trim(), &name]);
        host("docker", &["rm", container.trim()]);
        Self(name)
    }

    fn spec(&self, script: &str) -> ContainerSpec {
        ContainerSpec {
            image: self.0.clone(),
            ..spec(script)
        }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        host("docker", &["rmi", "--force", &self.0]);
    }
}

#[tokio::test]
async fn a_health_check_is_followed() {
    let rig = Rig::new().await;
    let image = Image::with(
        &rig,
        "HEALTHCHECK --interval=1s --retries=1 CMD test -e /tmp/healthy",
    );
    let container = rig.run_spec(&image.spec(FOREVER)).await;
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
    let image = Image::with(&rig, "VOLUME /of-the-image");
    let container = rig.run_spec(&image.spec(FOREVER)).await;
    let format = "{{range .Mounts}}{{.Name}}{{end}}";
    let name = super::rig::container_name(container);
    let volume = host_output("docker", &["inspect", "--format", format, &name]);
    let exists = || {
        host("docker", &["volume", "inspect", volume.trim()])
            .status
            .success()
    };
    assert!(exists(), "{volume}");
    rig.engine
        .remove_container(container)
        .await
        .expect("removed");
    assert!(!exists(), "{volume}");
}
