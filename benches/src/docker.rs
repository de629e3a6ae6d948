//! The raw engine: the peer of `startSpace`, and what is left of an installation there.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use bollard::{
    Docker,
    models::{ContainerCreateBody, HostConfig},
    query_parameters::{
        CreateContainerOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder,
        ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder, RemoveVolumeOptions,
        StartContainerOptions,
    },
};

/// The label that says whose a container, a volume or a network is.
const LABEL: &str = "spaceport.installation";

/// How to make a container again that the API made.
#[derive(Clone, Debug)]
pub struct Blueprint {
    body: ContainerCreateBody,
    peer: String,
}

/// How long the two calls took.
#[derive(Clone, Copy, Debug)]
pub struct RawStart {
    /// Making the container.
    pub create: Duration,
    /// Starting it.
    pub start: Duration,
}

/// The engine of `DOCKER_HOST`, else of the default socket.
pub async fn connect() -> anyhow::Result<Docker> {
    Ok(Docker::connect_with_defaults()?.negotiate_version().await?)
}

/// Everything the one container of `installation` was made of, read back from the engine: image,
/// command, limits, network, init. Only its labels say that it belongs to somebody else.
pub async fn blueprint(docker: &Docker, installation: &str) -> anyhow::Result<Blueprint> {
    let ids = containers(docker, installation).await?;
    let id = ids.first().context("the space has no container")?;
    let found = docker
        .inspect_container(id, None::<InspectContainerOptions>)
        .await?;
    let config = found.config.context("no configuration")?;
    let peer = format!("{installation}-peer");
    Ok(Blueprint {
        body: ContainerCreateBody {
            hostname: config.hostname,
            image: config.image,
            cmd: config.cmd,
            env: config.env,
            tty: config.tty,
            labels: Some(HashMap::from([(LABEL.to_owned(), peer.clone())])),
            host_config: Some(HostConfig {
                // What the engine makes of `init: true`; asking for it again changes nothing.
                init: Some(true),
                ..found.host_config.unwrap_or_default()
            }),
            ..ContainerCreateBody::default()
        },
        peer,
    })
}

/// The identifier and the address of the one container of `installation` that runs.
pub async fn running_container(
    docker: &Docker,
    installation: &str,
) -> anyhow::Result<(String, IpAddr)> {
    for id in containers(docker, installation).await? {
        let found = docker
            .inspect_container(&id, None::<InspectContainerOptions>)
            .await?;
        let networks = found.network_settings.and_then(|it| it.networks);
        let mut addresses = networks.unwrap_or_default().into_values();
        if let Some(address) = addresses.find_map(|it| it.ip_address?.parse().ok()) {
            return Ok((id, address));
        }
    }
    bail!("the space has no container that runs")
}

impl Blueprint {
    /// Makes and starts the container by two calls, and removes it afterwards, untimed.
    pub async fn run(&self, docker: &Docker) -> anyhow::Result<RawStart> {
        let began = Instant::now();
        let options = CreateContainerOptionsBuilder::default()
            .name(&self.peer)
            .build();
        docker
            .create_container(Some(options), self.body.clone())
            .await?;
        let create = began.elapsed();
        docker
            .start_container(&self.peer, None::<StartContainerOptions>)
            .await?;
        let start = began.elapsed().saturating_sub(create);
        remove_container(docker, &self.peer).await?;
        Ok(RawStart { create, start })
    }
}

/// Removes every container, volume and network of an installation and of its peer.
pub async fn remove_all(docker: &Docker, installation: &str) -> anyhow::Result<()> {
    for owner in [installation.to_owned(), format!("{installation}-peer")] {
        for id in containers(docker, &owner).await? {
            remove_container(docker, &id).await?;
        }
        let options = ListVolumesOptionsBuilder::default()
            .filters(&of(&owner))
            .build();
        let volumes = docker.list_volumes(Some(options)).await?.volumes;
        for volume in volumes.unwrap_or_default() {
            docker
                .remove_volume(&volume.name, None::<RemoveVolumeOptions>)
                .await?;
        }
    }
    docker
        .remove_network(&format!("spaceport-{installation}"))
        .await
        .context("the network can't be removed")
}

async fn containers(docker: &Docker, installation: &str) -> anyhow::Result<Vec<String>> {
    let options = ListContainersOptionsBuilder::default()
        .all(true)
        .filters(&of(installation))
        .build();
    let found = docker.list_containers(Some(options)).await?;
    Ok(found.into_iter().filter_map(|it| it.id).collect())
}

async fn remove_container(docker: &Docker, name: &str) -> anyhow::Result<()> {
    let options = RemoveContainerOptionsBuilder::default()
        .force(true)
        .v(true)
        .build();
    Ok(docker.remove_container(name, Some(options)).await?)
}

fn of(installation: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![format!("{LABEL}={installation}")])])
}
