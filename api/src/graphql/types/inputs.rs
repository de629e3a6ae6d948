//! What mutations take.

use async_graphql::{ID, InputObject};
use spaceport_domain::{
    quota::Limits,
    template::{self, Draft, Parameter, VolumeDraft},
};

use super::{
    enums::{ApiTokenScope, Feature, Permission, SpaceStatus},
    scalars::DateTime,
};

pub(crate) mod account;
pub(crate) mod app;
pub(crate) mod departure;

/// Identifiers as the app takes them: whether they name anything is for it to say.
pub(crate) fn texts(ids: Vec<ID>) -> Vec<String> {
    ids.into_iter().map(|id| id.0).collect()
}

/// Which spaces are wanted; all conditions hold together.
#[derive(InputObject, Default)]
pub struct SpaceFilter {
    /// Only of the user with this name.
    pub owner: Option<String>,
    /// Only in one of these statuses.
    pub statuses: Option<Vec<SpaceStatus>>,
    /// Only made from this template.
    pub template_id: Option<ID>,
    /// Only with this text in the name.
    pub name_contains: Option<String>,
}

/// Who signs in.
#[derive(InputObject)]
pub struct SignInInput {
    /// The user's name.
    pub user_name: String,
    /// Their password.
    #[graphql(secret)]
    pub password: String,
}

/// A space as it is wanted.
#[derive(InputObject)]
pub struct CreateSpaceInput {
    /// The template to make it from.
    pub template_id: ID,
    /// Its name: lower-case letters, digits and single hyphens.
    pub name: String,
    /// What it is for.
    #[graphql(default)]
    pub description: String,
    /// What fills the template's variables.
    #[graphql(default)]
    pub parameters: Vec<ParameterInput>,
    /// Whether to start it at once.
    #[graphql(default)]
    pub start: bool,
    /// A text of the caller's own. Sent again with the same text, the mutation returns the space
    /// it made the first time.
    pub idempotency_key: Option<String>,
}

/// What fills one variable of a template.
#[derive(InputObject)]
pub struct ParameterInput {
    /// The variable.
    pub name: String,
    /// Its value, used as it is.
    #[graphql(secret)]
    pub value: String,
}

impl From<ParameterInput> for Parameter {
    fn from(input: ParameterInput) -> Self {
        Self {
            name: input.name,
            value: input.value,
        }
    }
}

/// Names a space.
#[derive(InputObject)]
pub struct SpaceIdInput {
    /// The space.
    pub space_id: ID,
}

/// Whom to share a space with.
#[derive(InputObject)]
pub struct ShareSpaceInput {
    /// The space.
    pub space_id: ID,
    /// The name of the user.
    pub user_name: String,
}

/// Whom not to share a space with any more.
#[derive(InputObject)]
pub struct UnshareSpaceInput {
    /// The space.
    pub space_id: ID,
    /// The name of the user.
    pub user_name: String,
}

/// Whose a space is to be.
#[derive(InputObject)]
pub struct TransferSpaceInput {
    /// The space.
    pub space_id: ID,
    /// The name of its new owner.
    pub user_name: String,
}

/// Changes of a space; what is absent stays.
#[derive(InputObject)]
pub struct UpdateSpaceInput {
    /// The space.
    pub space_id: ID,
    /// Its new name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The revision the caller read; the change is refused when there is a newer one.
    pub revision: Option<i32>,
}

/// A tunnel as it is wanted.
#[derive(InputObject)]
pub struct CreateTunnelInput {
    /// The space it leads into.
    pub space_id: ID,
    /// The port inside the space.
    pub port: i32,
    /// Its name, unique among its owner's tunnels; by default `<space>-<port>`.
    pub name: Option<String>,
    /// Whether visitors are let in.
    #[graphql(default = true)]
    pub enabled: bool,
}

/// Changes of a tunnel; what is absent stays.
#[derive(InputObject)]
pub struct UpdateTunnelInput {
    /// The tunnel.
    pub tunnel_id: ID,
    /// Its new name. The address changes with it, and the old one is gone at once.
    pub name: Option<String>,
    /// Another port inside the space.
    pub port: Option<i32>,
    /// Whether visitors are let in.
    pub enabled: Option<bool>,
}

/// Names a tunnel.
#[derive(InputObject)]
pub struct TunnelIdInput {
    /// The tunnel.
    pub tunnel_id: ID,
}

/// What a version of a template says.
#[derive(InputObject)]
pub struct CreateTemplateInput {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[graphql(default)]
    pub description: String,
    /// What its first version says.
    #[graphql(flatten)]
    pub blueprint: BlueprintInput,
    /// The groups it is offered to; everybody when there are none.
    #[graphql(default)]
    pub group_ids: Vec<ID>,
}

/// What a version of a template says.
#[derive(InputObject)]
pub struct BlueprintInput {
    /// The image, as the engine names it.
    pub image: String,
    /// The command and its arguments; the image's own when absent.
    #[graphql(default)]
    pub command: Vec<String>,
    /// Environment variables.
    #[graphql(default)]
    pub env: Vec<EnvironmentVariableInput>,
    /// Limit on CPU time in cores.
    pub cpu: Option<f64>,
    /// Limit on memory in MiB.
    pub memory_mib: Option<i32>,
    /// Limit on processes and threads.
    pub pids: Option<i32>,
    /// What outlives the container.
    #[graphql(default)]
    pub volumes: Vec<VolumeInput>,
    /// Ports that mean something to users of the space.
    #[graphql(default)]
    pub ports: Vec<PortInput>,
    /// Enabled features.
    #[graphql(default)]
    pub features: Vec<Feature>,
    /// What a space consumes while it is starting, running or stopping.
    pub compute_units: i32,
    /// What a space's parameters may fill.
    #[graphql(default)]
    pub variables: Vec<VariableInput>,
}

impl From<BlueprintInput> for Draft {
    fn from(input: BlueprintInput) -> Self {
        let env = |it: EnvironmentVariableInput| template::EnvVar {
            name: it.name,
            value: it.value,
        };
        Self {
            image: input.image,
            command: input.command,
            env: input.env.into_iter().map(env).collect(),
            cpu: input.cpu,
            memory_mib: input.memory_mib.map(i64::from),
            pids: input.pids.map(i64::from),
            volumes: input.volumes.into_iter().map(VolumeDraft::from).collect(),
            ports: input
                .ports
                .into_iter()
                .map(|it| (it.name, it.port.into()))
                .collect(),
            features: input
                .features
                .into_iter()
                .map(template::Feature::from)
                .collect(),
            compute_units: input.compute_units.into(),
            variables: input
                .variables
                .into_iter()
                .map(template::Variable::from)
                .collect(),
        }
    }
}

/// An environment variable.
#[derive(InputObject)]
pub struct EnvironmentVariableInput {
    /// Its name.
    pub name: String,
    /// Its value; may use template variables, written `${NAME}`.
    pub value: String,
}

/// A volume each space gets.
#[derive(InputObject)]
pub struct VolumeInput {
    /// Its name.
    pub name: String,
    /// The absolute path it is mounted at.
    pub mount_path: String,
    /// Its size in GiB; a fraction is rounded up.
    pub size_gib: f64,
}

impl From<VolumeInput> for VolumeDraft {
    fn from(input: VolumeInput) -> Self {
        Self {
            name: input.name,
            mount_path: input.mount_path,
            size_gib: input.size_gib,
        }
    }
}

/// A port that means something to users of a space.
#[derive(InputObject)]
pub struct PortInput {
    /// What is there.
    pub name: String,
    /// Its number inside the space.
    pub port: i32,
}

/// Something a space's parameters may fill.
#[derive(InputObject)]
pub struct VariableInput {
    /// Its name, used as `${NAME}`.
    pub name: String,
    /// What it is for.
    #[graphql(default)]
    pub description: String,
    /// What it is when no parameter fills it; without one a parameter is required.
    pub default: Option<String>,
    /// Whether its value is never shown again. A secret has no default.
    #[graphql(default)]
    pub secret: bool,
}

impl From<VariableInput> for template::Variable {
    fn from(input: VariableInput) -> Self {
        Self {
            name: input.name,
            description: input.description,
            default: input.default,
            secret: input.secret,
        }
    }
}

/// Changes of a template; what is absent stays. Spaces stay on the version they were made from.
#[derive(InputObject)]
pub struct UpdateTemplateInput {
    /// The template.
    pub template_id: ID,
    /// Its new name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What its new version says, whole.
    pub blueprint: Option<BlueprintInput>,
    /// The groups it is offered to; everybody when there are none.
    pub group_ids: Option<Vec<ID>>,
}

/// Names a template.
#[derive(InputObject)]
pub struct TemplateIdInput {
    /// The template.
    pub template_id: ID,
}

/// Limits. On a user an absent limit is unlimited; on a group it grants nothing.
#[derive(InputObject, Default)]
pub struct LimitsInput {
    /// Of spaces that are not deleted.
    pub spaces: Option<i32>,
    /// Of compute units.
    pub compute_units: Option<i32>,
    /// Of storage units.
    pub storage_units: Option<i32>,
    /// Of tunnels.
    pub tunnels: Option<i32>,
}

impl From<LimitsInput> for Limits {
    fn from(input: LimitsInput) -> Self {
        Self {
            spaces: input.spaces.map(i64::from),
            compute_units: input.compute_units.map(i64::from),
            storage_units: input.storage_units.map(i64::from),
            tunnels: input.tunnels.map(i64::from),
        }
    }
}

/// An account as it is wanted.
#[derive(InputObject)]
pub struct CreateUserInput {
    /// The name to sign in with: lower-case letters, digits and single hyphens.
    pub user_name: String,
    /// The password, at least 8 characters.
    #[graphql(secret)]
    pub password: String,
    /// How the person is called; by default like the name.
    pub display_name: Option<String>,
    /// Their roles; by default Developer.
    pub role_ids: Option<Vec<ID>>,
    /// Their groups.
    #[graphql(default)]
    pub group_ids: Vec<ID>,
    /// What they may consume; unlimited where absent.
    #[graphql(default)]
    pub limits: LimitsInput,
}

/// Changes of an account; what is absent stays.
#[derive(InputObject)]
pub struct UpdateUserInput {
    /// The user.
    pub user_id: ID,
    /// How the person is called.
    pub display_name: Option<String>,
    /// A new password. Ends every sign-in of the user, and takes back all of their tokens.
    #[graphql(secret)]
    pub password: Option<String>,
    /// Exactly these roles.
    pub role_ids: Option<Vec<ID>>,
    /// Exactly these groups.
    pub group_ids: Option<Vec<ID>>,
    /// What they may consume, whole.
    pub limits: Option<LimitsInput>,
}

/// A group as it is wanted.
#[derive(InputObject)]
pub struct CreateGroupInput {
    /// Its name.
    pub name: String,
    /// What membership adds to each limit.
    #[graphql(default)]
    pub limits: LimitsInput,
}

/// Changes of a group; what is absent stays.
#[derive(InputObject)]
pub struct UpdateGroupInput {
    /// The group.
    pub group_id: ID,
    /// Its new name.
    pub name: Option<String>,
    /// What membership adds to each limit, whole.
    pub limits: Option<LimitsInput>,
}

/// Names a group.
#[derive(InputObject)]
pub struct GroupIdInput {
    /// The group.
    pub group_id: ID,
}

/// A role as it is wanted.
#[derive(InputObject)]
pub struct CreateRoleInput {
    /// Its name.
    pub name: String,
    /// What it allows; nothing that its maker may not do.
    pub permissions: Vec<Permission>,
}

/// Changes of a role; what is absent stays.
#[derive(InputObject)]
pub struct UpdateRoleInput {
    /// The role.
    pub role_id: ID,
    /// Its new name.
    pub name: Option<String>,
    /// What it allows, whole.
    pub permissions: Option<Vec<Permission>>,
}

/// Names a role.
#[derive(InputObject)]
pub struct RoleIdInput {
    /// The role.
    pub role_id: ID,
}

/// A token for a program.
#[derive(InputObject)]
pub struct CreateApiTokenInput {
    /// What to call it.
    pub name: String,
    /// What it may be used for, and reading; everything that the credentials that make it may be
    /// used for when absent.
    pub scopes: Option<Vec<ApiTokenScope>>,
    /// When it ends by itself; when absent, with the token it is made with, or never.
    pub expires_at: Option<DateTime>,
}

/// Names a token.
#[derive(InputObject)]
pub struct ApiTokenIdInput {
    /// The token.
    pub token_id: ID,
}
