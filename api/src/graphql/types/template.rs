//! Templates and what their versions say.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use spaceport_domain::access::Permission;
use spaceport_domain::template::{
    EnvVar, PortDeclaration, Variable as DomainVariable, VolumeDeclaration,
};

use super::{
    enums::Feature,
    group::Group,
    scalars::{DateTime, int},
};
use crate::{
    graphql::{caller::Call, loaders::Loaders},
    store,
};

/// The blueprint of spaces.
#[derive(Clone)]
pub struct Template {
    /// The template.
    pub template: Arc<store::Template>,
    /// Whether the viewer is offered it, rather than seeing it through a space made from it.
    pub is_offered: bool,
}

impl Template {
    /// A template the viewer is offered.
    pub fn offered(template: store::Template) -> Self {
        Self {
            template: Arc::new(template),
            is_offered: true,
        }
    }
}

/// The blueprint of spaces.
#[Object]
impl Template {
    /// The template's global identifier.
    pub(crate) async fn id(&self) -> ID {
        ID(self.template.id.to_string())
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.template.name
    }

    /// What it is for.
    async fn description(&self) -> &str {
        &self.template.description
    }

    /// The version new spaces get. Absent when the viewer is not offered the template (any more).
    async fn version(&self, context: &Context<'_>) -> Option<Result<TemplateVersion>> {
        if !self.is_offered {
            return None;
        }
        let version = self.template.current_version_id;
        Some(Loaders::of(context).template_version(version).await)
    }

    /// Whether everybody is offered it, rather than some groups.
    async fn for_everybody(&self) -> bool {
        self.template.for_everybody
    }

    /// The groups it is offered to, of those the viewer may know.
    async fn groups(&self, context: &Context<'_>) -> Result<Vec<Group>> {
        let actor = context.actor()?;
        let mut groups = Loaders::of(context)
            .groups_offered(self.template.id)
            .await?;
        if !actor.may(Permission::ManageTemplates) && !actor.may(Permission::ManageGroups) {
            groups.retain(|group| actor.groups.contains(&group.id));
        }
        Ok(groups.into_iter().map(Group).collect())
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.template.created_at.into()
    }

    /// When it was deleted. Spaces made from it live on.
    async fn deleted_at(&self) -> Option<DateTime> {
        self.template.deleted_at.map(DateTime)
    }
}

/// One immutable version of a template.
#[derive(Clone)]
pub struct TemplateVersion(pub Arc<store::TemplateVersion>);

/// One immutable version of a template.
#[Object]
impl TemplateVersion {
    /// The version's global identifier.
    async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Counts the versions of one template, beginning with 1.
    async fn number(&self) -> i32 {
        int(self.0.number)
    }

    /// The image, as the engine names it.
    async fn image(&self) -> &str {
        &self.0.blueprint.image
    }

    /// The command and its arguments; empty means the image's own.
    async fn command(&self) -> &[String] {
        &self.0.blueprint.command
    }

    /// Environment variables.
    async fn env(&self) -> Vec<EnvironmentVariable> {
        self.0
            .blueprint
            .env
            .iter()
            .cloned()
            .map(EnvironmentVariable::from)
            .collect()
    }

    /// Limit on CPU time in cores.
    async fn cpu(&self) -> Option<f64> {
        self.0
            .blueprint
            .cpu_millis
            .map(|millis| f64::from(millis) / 1000.0)
    }

    /// Limit on memory in MiB.
    async fn memory_mib(&self) -> Option<i32> {
        self.0.blueprint.memory_mib.map(int)
    }

    /// Limit on processes and threads.
    async fn pids(&self) -> i32 {
        int(self.0.blueprint.pids)
    }

    /// What outlives the container.
    async fn volumes(&self) -> Vec<TemplateVolume> {
        self.0
            .blueprint
            .volumes
            .iter()
            .cloned()
            .map(TemplateVolume::from)
            .collect()
    }

    /// Ports that mean something to users of the space.
    async fn ports(&self) -> Vec<Port> {
        self.0
            .blueprint
            .ports
            .iter()
            .cloned()
            .map(Port::from)
            .collect()
    }

    /// Enabled features.
    async fn features(&self) -> Vec<Feature> {
        self.0
            .blueprint
            .features
            .iter()
            .copied()
            .map(Feature::from)
            .collect()
    }

    /// What a space consumes while it is starting, running or stopping.
    async fn compute_units(&self) -> i32 {
        int(self.0.blueprint.compute_units)
    }

    /// What a space consumes until it is deleted: GiB of declared volumes.
    async fn storage_units(&self) -> i32 {
        int(self.0.blueprint.storage_units())
    }

    /// What a space's parameters may fill.
    async fn variables(&self) -> Vec<TemplateVariable> {
        self.0
            .blueprint
            .variables
            .iter()
            .cloned()
            .map(TemplateVariable::from)
            .collect()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}

/// An environment variable of a template.
#[derive(SimpleObject)]
pub struct EnvironmentVariable {
    /// Its name.
    name: String,
    /// Its value; may use template variables, written `${NAME}`.
    value: String,
}

impl From<EnvVar> for EnvironmentVariable {
    fn from(env: EnvVar) -> Self {
        Self {
            name: env.name,
            value: env.value,
        }
    }
}

/// A volume each space of a template gets.
#[derive(SimpleObject)]
pub struct TemplateVolume {
    /// Its name.
    name: String,
    /// The absolute path it is mounted at.
    mount_path: String,
    /// Its size in GiB.
    size_gib: i32,
}

impl From<VolumeDeclaration> for TemplateVolume {
    fn from(volume: VolumeDeclaration) -> Self {
        Self {
            name: volume.name,
            mount_path: volume.mount_path,
            size_gib: int(volume.size_gib),
        }
    }
}

/// A port that means something to users of a space.
#[derive(SimpleObject)]
pub struct Port {
    /// What is there.
    name: String,
    /// Its number inside the space.
    port: i32,
}

impl From<PortDeclaration> for Port {
    fn from(port: PortDeclaration) -> Self {
        Self {
            name: port.name,
            port: port.port.into(),
        }
    }
}

/// Something a space's parameters may fill.
#[derive(SimpleObject)]
pub struct TemplateVariable {
    /// Its name, used as `${NAME}`.
    name: String,
    /// What it is for.
    description: String,
    /// What it is when no parameter fills it; without one a parameter is required.
    default: Option<String>,
    /// Whether its value is never shown again.
    secret: bool,
}

impl From<DomainVariable> for TemplateVariable {
    fn from(variable: DomainVariable) -> Self {
        Self {
            name: variable.name,
            description: variable.description,
            default: variable.default,
            secret: variable.secret,
        }
    }
}
