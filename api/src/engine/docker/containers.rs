//! Making, starting, stopping and removing containers.

use std::time::Duration;

use bollard::{
    models::Mount,
    query_parameters::{
        CreateContainerOptionsBuilder, InspectContainerOptions, RemoveContainerOptionsBuilder,
        StartContainerOptions, StopContainerOptionsBuilder,
    },
};

use super::{
    super::{ContainerRef, ContainerSpec, EngineError},
    DockerEngine,
    container_body::container_body,
    images::ImageDefaults,
    labels::{self, container_name},
    refusal::CallError,
};

/// Making a container may copy the image's content into its new volumes.
const CREATE_TIMEOUT: Duration = Duration::from_mins(1);
const START_TIMEOUT: Duration = Duration::from_mins(1);
const REMOVE_TIMEOUT: Duration = Duration::from_mins(1);
const INSPECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How much longer than its grace a stop may take: the kill and the clearing away.
const STOP_MARGIN: Duration = Duration::from_secs(30);

impl DockerEngine {
    pub(super) async fn make_container(&self, spec: &ContainerSpec) -> Result<(), EngineError> {
        let mounts = self
            .volumes
            .mounts(&self.installation, &spec.volumes)
            .await?;
        let image = self.image_defaults(&spec.image).await?;
        match self.post_container(spec, &image, mounts).await {
            Err(error) if error.is_conflict() => {
                if self.is_ours(spec.container).await? {
                    Ok(())
                } else {
                    Err(error.into())
                }
            }
            result => result.map_err(EngineError::from),
        }
    }

    async fn post_container(
        &self,
        spec: &ContainerSpec,
        image: &ImageDefaults,
        mut mounts: Vec<Mount>,
    ) -> Result<(), CallError> {
        mounts.push(self.agent.mount(&self.installation));
        let version = self.agent.version();
        let body = container_body(&self.installation, spec, image, version, mounts);
        let options = CreateContainerOptionsBuilder::default()
            .name(&container_name(spec.container))
            .build();
        let client = self.connection.client().await?;
        self.connection
            .call(CREATE_TIMEOUT, client.create_container(Some(options), body))
            .await?;
        Ok(())
    }

    /// Whether the container with the name of `container` is what its name says.
    async fn is_ours(&self, container: ContainerRef) -> Result<bool, EngineError> {
        let client = self.connection.client().await?;
        let name = container_name(container);
        let inspect = client.inspect_container(&name, None::<InspectContainerOptions>);
        let found = self.connection.call(INSPECT_TIMEOUT, inspect).await?;
        let actual = found
            .config
            .and_then(|config| config.labels)
            .unwrap_or_default();
        let wanted = self.installation.container_labels(container);
        Ok(labels::include(&actual, &wanted))
    }

    pub(super) async fn run_container(&self, container: ContainerRef) -> Result<(), EngineError> {
        match self.start_with_agent(container).await {
            // The host was restarted after the container was made: its volumes are detached. The
            // engine refuses rather than writing beside them, see `volumes::loop_ext4`.
            Err(error) if error.is_mount_failure() => {
                self.attach_volumes_of(container.space).await?;
                Ok(self.start_with_agent(container).await?)
            }
            result => result.map_err(EngineError::from),
        }
    }

    async fn start_with_agent(&self, container: ContainerRef) -> Result<(), CallError> {
        self.ensure_agent(container).await?;
        match self.post_start(container).await {
            Err(error) if error.is_agent_missing() => {
                self.restore_agent(container).await?;
                self.post_start(container).await
            }
            result => result,
        }
    }

    async fn post_start(&self, container: ContainerRef) -> Result<(), CallError> {
        let client = self.connection.client().await?;
        let name = container_name(container);
        let start = client.start_container(&name, None::<StartContainerOptions>);
        self.connection.call(START_TIMEOUT, start).await
    }

    pub(super) async fn end_container(
        &self,
        container: ContainerRef,
        grace: Duration,
    ) -> Result<(), EngineError> {
        let client = self.connection.client().await?;
        let grace_s = grace.as_millis().div_ceil(1_000);
        let options = StopContainerOptionsBuilder::default()
            .t(i32::try_from(grace_s).unwrap_or(i32::MAX))
            .build();
        let name = container_name(container);
        let stop = client.stop_container(&name, Some(options));
        match self.connection.call(grace + STOP_MARGIN, stop).await {
            Err(error) if error.is_not_found() => Ok(()),
            result => result.map_err(EngineError::from),
        }
    }

    pub(super) async fn destroy_container(
        &self,
        container: ContainerRef,
    ) -> Result<(), EngineError> {
        let client = self.connection.client().await?;
        // `v` removes the anonymous volumes that the image asks for, and those only: a volume that
        // was mounted by its name stays.
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        let name = container_name(container);
        let remove = client.remove_container(&name, Some(options));
        match self.connection.call(REMOVE_TIMEOUT, remove).await {
            Err(error) if error.is_not_found() || is_being_removed(&error) => Ok(()),
            result => result.map_err(EngineError::from),
        }
    }
}

fn is_being_removed(error: &CallError) -> bool {
    matches!(error, CallError::Answered { status: 409, message }
        if message.contains("already in progress"))
}
