//! Volumes: always a named volume of the engine, which is the record that it exists and whose it
//! is; where the host allows it, backed by a file system of the declared size ([`loop_ext4`]), so
//! that the kernel enforces the size.
//!
//! A volume stays as it was made, whatever the setting is later. The engine's record is made
//! first and removed last, so that nothing is ever left that nobody knows of.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, absolute},
    time::Duration,
};

use bollard::{
    models::{
        Mount, MountType, MountVolumeOptions, MountVolumeOptionsDriverConfig, Volume,
        VolumeCreateRequest,
    },
    query_parameters::{
        ListContainersOptionsBuilder, ListVolumesOptionsBuilder, RemoveVolumeOptions,
    },
};
use spaceport_domain::{id::SpaceId, lifecycle::FailureCode};
use tokio::sync::OnceCell;

use self::loop_ext4::LoopExt4;
use super::{
    super::{Enforcement, EngineError, Scope, VolumeMount, VolumeSpec, VolumeUsage},
    DockerEngine,
    connection::{Host, Namespace},
    labels::{self, Installation, space_of, volume_name, volume_of},
};

mod loop_ext4;

const VOLUME_TIMEOUT: Duration = Duration::from_secs(30);

/// What this installation knows of how to make volumes.
#[derive(Debug)]
pub(super) struct Volumes {
    loops: LoopExt4,
    enforcement: Enforcement,
    /// Whether new volumes have an enforced size; tried out once.
    enforced: OnceCell<bool>,
}

impl Volumes {
    pub(super) fn new(dir: &Path, enforcement: Enforcement) -> Result<Self, EngineError> {
        let dir = absolute(dir).map_err(|_| failed("the directory for volumes has no path"))?;
        Ok(Self {
            loops: LoopExt4::new(dir),
            enforcement,
            enforced: OnceCell::new(),
        })
    }

    /// Finds out, the first time, whether sizes can be enforced here.
    pub(super) async fn choose_backend(&self, host: &Host) {
        self.enforced
            .get_or_init(|| async {
                if self.enforcement == Enforcement::Off {
                    return false;
                }
                if !host.shares(Namespace::Mount).await {
                    tracing::warn!(
                        "volume sizes are counted only: the engine doesn't see this host's mounts"
                    );
                    return false;
                }
                match self.loops.probe().await {
                    Ok(()) => true,
                    Err(error) => {
                        tracing::warn!(%error, "volume sizes are counted only");
                        false
                    }
                }
            })
            .await;
    }

    fn are_enforced(&self) -> bool {
        self.enforced.get().copied().unwrap_or(false)
    }

    /// Mounts for a container, of volumes that are attached to the host.
    ///
    /// Each mount says all there is to say of its volume. The engine makes a volume that it
    /// doesn't know, and without this it would be an unlabelled one.
    pub(super) async fn mounts(
        &self,
        installation: &Installation,
        volumes: &[VolumeMount],
    ) -> Result<Vec<Mount>, EngineError> {
        let mut mounts = Vec::with_capacity(volumes.len());
        for VolumeMount { volume, mount_path } in volumes {
            let is_loop = self.loops.has_image(volume.id).await;
            if is_loop {
                self.loops.attach(volume.id).await?;
            }
            mounts.push(Mount {
                typ: Some(MountType::VOLUME),
                source: Some(volume_name(volume.id)),
                target: Some(mount_path.clone()),
                volume_options: Some(MountVolumeOptions {
                    no_copy: Some(false),
                    labels: Some(installation.volume_labels(volume)),
                    driver_config: Some(MountVolumeOptionsDriverConfig {
                        name: Some("local".to_owned()),
                        options: is_loop.then(|| self.loops.driver_options(volume.id)),
                    }),
                    subpath: None,
                }),
                ..Mount::default()
            });
        }
        Ok(mounts)
    }

    pub(super) async fn usage(&self, volumes: &[VolumeSpec]) -> Vec<VolumeUsage> {
        let mut usage = Vec::with_capacity(volumes.len());
        for volume in volumes {
            usage.push(VolumeUsage {
                used_bytes: self.loops.used_bytes(volume.id).await,
                enforced: self.loops.has_image(volume.id).await,
            });
        }
        usage
    }
}

impl DockerEngine {
    pub(super) async fn make_volumes(
        &self,
        volumes: &[VolumeSpec],
    ) -> Result<Vec<bool>, EngineError> {
        let mut enforced = Vec::with_capacity(volumes.len());
        for volume in volumes {
            enforced.push(self.make_volume(volume).await?);
        }
        Ok(enforced)
    }

    async fn make_volume(&self, spec: &VolumeSpec) -> Result<bool, EngineError> {
        let client = self.connection.client().await?;
        let wanted = self.installation.volume_labels(spec);
        let create = client.create_volume(VolumeCreateRequest {
            name: Some(volume_name(spec.id)),
            driver: Some("local".to_owned()),
            driver_opts: self
                .volumes
                .are_enforced()
                .then(|| self.volumes.loops.driver_options(spec.id)),
            labels: Some(wanted.clone()),
            cluster_volume_spec: None,
        });
        // The engine answers with the volume of that name, also when it existed before.
        let volume = self.connection.call(VOLUME_TIMEOUT, create).await?;
        if !labels::include(&volume.labels, &wanted) {
            return Err(EngineError::Refused {
                code: FailureCode::NameTaken,
                message: "something that is not Spaceport's holds the volume's name".to_owned(),
            });
        }
        let is_loop = device(&volume).is_some();
        if is_loop {
            self.volumes.loops.create(spec.id, spec.size_gib).await?;
        }
        Ok(is_loop)
    }

    pub(super) async fn list_spaces_with_volumes(
        &self,
        scope: Scope,
    ) -> Result<Vec<SpaceId>, EngineError> {
        let spaces: BTreeSet<SpaceId> = self
            .list_volumes(scope)
            .await?
            .iter()
            .filter_map(|volume| space_of(&volume.labels))
            .collect();
        Ok(spaces.into_iter().collect())
    }

    /// Attaches the volumes of a space to the host.
    pub(super) async fn attach_volumes_of(&self, space: SpaceId) -> Result<(), EngineError> {
        for volume in self.list_volumes(Scope::Space(space)).await? {
            if let (Some(id), Some(_)) = (volume_of(&volume.labels), device(&volume)) {
                self.volumes.loops.attach(id).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn destroy_volumes(&self, space: SpaceId) -> Result<(), EngineError> {
        for volume in self.list_volumes(Scope::Space(space)).await? {
            self.destroy_volume(&volume).await?;
        }
        Ok(())
    }

    async fn destroy_volume(&self, volume: &Volume) -> Result<(), EngineError> {
        if let (Some(id), Some(device)) = (volume_of(&volume.labels), device(volume)) {
            if self.is_mounted_somewhere(&volume.name).await? {
                return Err(failed("a volume is still in use by a container"));
            }
            // Where it was made, which needn't be where volumes are made now.
            if let Some(loops) = LoopExt4::of_device(device, id) {
                loops.destroy(id).await?;
            }
        }
        let client = self.connection.client().await?;
        let remove = client.remove_volume(&volume.name, None::<RemoveVolumeOptions>);
        match self.connection.call(VOLUME_TIMEOUT, remove).await {
            Err(error) if error.is_not_found() => Ok(()),
            result => result.map_err(EngineError::from),
        }
    }

    async fn is_mounted_somewhere(&self, name: &str) -> Result<bool, EngineError> {
        let client = self.connection.client().await?;
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&HashMap::from([("volume", vec![name])]))
            .build();
        let users = client.list_containers(Some(options));
        Ok(!self
            .connection
            .call(VOLUME_TIMEOUT, users)
            .await?
            .is_empty())
    }

    async fn list_volumes(&self, scope: Scope) -> Result<Vec<Volume>, EngineError> {
        let client = self.connection.client().await?;
        let options = ListVolumesOptionsBuilder::default()
            .filters(&self.installation.filters(scope))
            .build();
        let list = client.list_volumes(Some(options));
        let found = self.connection.call(VOLUME_TIMEOUT, list).await?;
        Ok(found.volumes.unwrap_or_default())
    }
}

/// What a volume is mounted from, when it isn't an ordinary one.
fn device(volume: &Volume) -> Option<&str> {
    volume.options.get("device").map(String::as_str)
}

fn failed(message: &str) -> EngineError {
    EngineError::Refused {
        code: FailureCode::VolumeFailed,
        message: message.to_owned(),
    }
}
