//! The container a space wants, from its template version, its parameters and its volumes.

use spaceport_domain::{lifecycle::FailureCode, space::Space, template::Parameter};

use super::{ReconcileError, Reconciler, drive::current};
use crate::{
    app::{observation::spec as volume_spec, spaces::secret_place},
    engine::{ContainerSpec, EngineError, VolumeMount},
};

impl Reconciler {
    pub(super) async fn spec(&self, space: &Space) -> Result<ContainerSpec, ReconcileError> {
        let version_id = space.template_version_id;
        let versions = self
            .app
            .store
            .template_versions_by_id(&[version_id])
            .await?;
        let version = versions.into_iter().next();
        let blueprint = version
            .ok_or_else(|| refused("its template version is gone"))?
            .blueprint;
        let filled = blueprint.fill(&self.parameters(space).await?);
        let volumes = self.app.store.volumes_of(&[space.id]).await?;
        let mount = |volume: crate::store::Volume| VolumeMount {
            volume: volume_spec(&volume),
            mount_path: volume.mount_path,
        };
        Ok(ContainerSpec {
            container: current(space),
            hostname: space.name.as_str().to_owned(),
            apps: blueprint.apps(),
            image: blueprint.image,
            secret_sha256: self.app.agent_secrets.hash(space.id, space.state.instance),
            command: filled.command,
            env: filled.env,
            cpu_millis: blueprint.cpu_millis,
            memory_mib: blueprint.memory_mib,
            pids: blueprint.pids,
            volumes: volumes.into_iter().map(mount).collect(),
        })
    }

    async fn parameters(&self, space: &Space) -> Result<Vec<Parameter>, ReconcileError> {
        let stored = self.app.store.parameters(&[space.id]).await?;
        let opened = stored.into_iter().map(|(_, parameter)| {
            let value = if parameter.secret {
                self.app
                    .seal
                    .open(&secret_place(space.id, &parameter.name), &parameter.value)
                    .map_err(|_| refused("a secret parameter can't be opened"))?
            } else {
                parameter.value
            };
            Ok(Parameter {
                name: parameter.name,
                value,
            })
        });
        opened.collect()
    }
}

fn refused(message: &str) -> ReconcileError {
    let message = message.to_owned();
    EngineError::Refused {
        code: FailureCode::EngineError,
        message,
    }
    .into()
}
