//! Users and roles.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};

use super::{
    enums::Permission,
    group::Group,
    quota::{LimitsObject, Quota},
    scalars::DateTime,
    session::Session,
    ssh_key::SshKey,
    token::ApiToken,
};
use crate::{
    graphql::{caller::Call, loaders::Loaders},
    store,
};

/// A person who may sign in.
#[derive(Clone)]
pub struct User(pub Arc<store::User>);

/// A person who may sign in.
#[Object]
impl User {
    /// The user's global identifier.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// The name they sign in with.
    async fn user_name(&self) -> &str {
        self.0.name.as_str()
    }

    /// How they are called.
    async fn display_name(&self) -> &str {
        &self.0.display_name
    }

    /// Their roles. Absent for who may not know.
    async fn roles(&self, context: &Context<'_>) -> Option<Result<Vec<Role>>> {
        if !self.is_known_to(context) {
            return None;
        }
        let roles = Loaders::of(context).roles(self.0.id).await;
        Some(roles.map(|roles| roles.into_iter().map(Role::from).collect()))
    }

    /// The groups they are in. Absent for who may not know.
    async fn groups(&self, context: &Context<'_>) -> Option<Result<Vec<Group>>> {
        if !self.is_known_to(context) {
            return None;
        }
        let groups = Loaders::of(context).groups_of(self.0.id).await;
        Some(groups.map(|groups| groups.into_iter().map(Group).collect()))
    }

    /// Their own limits; what groups grant comes on top. Absent limits are unlimited. Absent for
    /// who may not know.
    async fn limits(&self, context: &Context<'_>) -> Option<LimitsObject> {
        self.is_known_to(context).then(|| self.0.limits.into())
    }

    /// What they may consume and do. Absent for who may not know.
    async fn quota(&self, context: &Context<'_>) -> Option<Result<Quota>> {
        if !self.is_known_to(context) {
            return None;
        }
        Some(Loaders::of(context).quota(self.0.id).await.map(Quota::from))
    }

    /// Their sign-ins that hold, oldest first. Absent for who may not know.
    async fn sessions(&self, context: &Context<'_>) -> Option<Result<Vec<Session>>> {
        if !self.is_known_to(context) {
            return None;
        }
        let sessions = Loaders::of(context).sessions(self.0.id).await;
        Some(sessions.map(|sessions| sessions.into_iter().map(Session).collect()))
    }

    /// Their SSH keys, oldest first. Absent for who may not know.
    async fn ssh_keys(&self, context: &Context<'_>) -> Option<Result<Vec<SshKey>>> {
        if !self.is_known_to(context) {
            return None;
        }
        let keys = Loaders::of(context).ssh_keys(self.0.id).await;
        Some(keys.map(|keys| keys.into_iter().map(SshKey).collect()))
    }

    /// Their tokens for programs. Absent for everybody else.
    async fn api_tokens(&self, context: &Context<'_>) -> Option<Result<Vec<ApiToken>>> {
        let actor = context.actor().ok();
        actor.filter(|actor| actor.user_id == self.0.id)?;
        let tokens = Loaders::of(context).api_tokens(self.0.id).await;
        Some(tokens.map(|tokens| tokens.into_iter().map(ApiToken).collect()))
    }

    /// When the account was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Since when they may not sign in; absent when they may. Absent for who may not know.
    async fn disabled_at(&self, context: &Context<'_>) -> Option<DateTime> {
        let at = self.0.disabled_at.filter(|_| self.is_known_to(context));
        at.map(DateTime)
    }

    /// When the account was deleted. Only a record of it is left, for the audit log and for spaces
    /// that are being deleted; its name may belong to somebody else. Absent for who may not know.
    async fn deleted_at(&self, context: &Context<'_>) -> Option<DateTime> {
        let at = self.0.deleted_at.filter(|_| self.is_known_to(context));
        at.map(DateTime)
    }
}

impl User {
    fn is_known_to(&self, context: &Context<'_>) -> bool {
        use spaceport_domain::access::Permission;
        context
            .actor()
            .is_ok_and(|actor| actor.user_id == self.0.id || actor.may(Permission::ManageUsers))
    }
}

/// A named set of permissions. Those of several roles add up.
#[derive(SimpleObject)]
pub struct Role {
    /// The role's global identifier.
    id: ID,
    /// Its name.
    name: String,
    /// What it allows.
    permissions: Vec<Permission>,
    /// Whether it came with the installation.
    built_in: bool,
}

impl From<store::Role> for Role {
    fn from(role: store::Role) -> Self {
        Self {
            id: ID(role.id.to_string()),
            name: role.name,
            permissions: role.permissions.into_iter().map(Permission::from).collect(),
            built_in: role.built_in,
        }
    }
}
