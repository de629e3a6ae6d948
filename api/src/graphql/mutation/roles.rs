//! Roles.

use async_graphql::{Context, Object, Result, SimpleObject};

use crate::{
    app::{AppResult, Done},
    graphql::{
        caller::Call,
        error::answer,
        types::{
            enums::Permission,
            inputs::{CreateRoleInput, RoleIdInput, UpdateRoleInput},
            problem::{self, Problem},
            user::Role,
        },
    },
    store,
};

/// Roles.
#[derive(Default)]
pub struct RoleMutation;

/// The answer to a mutation of a role.
#[derive(SimpleObject)]
pub struct RolePayload {
    /// The role after the change, or before its deletion.
    role: Option<Role>,
    /// Why nothing was changed.
    problems: Vec<Problem>,
    /// The position in the event log that includes the change.
    cursor: Option<String>,
}

fn payload(result: AppResult<Done<store::Role>>) -> Result<RolePayload> {
    let (role, problems, cursor) = answer(result)?;
    Ok(RolePayload {
        role: role.map(Role::from),
        problems: problem::all(problems),
        cursor,
    })
}

fn permissions<C: FromIterator<spaceport_domain::access::Permission>>(
    permissions: Vec<Permission>,
) -> C {
    permissions.into_iter().map(Into::into).collect()
}

#[Object]
impl RoleMutation {
    /// Makes a role.
    async fn create_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The role as it is wanted.")] input: CreateRoleInput,
    ) -> Result<RolePayload> {
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        let allowed = permissions(input.permissions);
        payload(app.create_role(actor, origin, input.name, allowed).await)
    }

    /// Changes a role that is not built in. Whoever has it may do at once what it now allows.
    async fn update_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateRoleInput,
    ) -> Result<RolePayload> {
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        let allowed = input.permissions.map(permissions);
        payload(
            app.update_role(actor, origin, &input.role_id, input.name, allowed)
                .await,
        )
    }

    /// Removes a role that is not built in, also from those who have it.
    async fn delete_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The role.")] input: RoleIdInput,
    ) -> Result<RolePayload> {
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        payload(app.delete_role(actor, origin, &input.role_id).await)
    }
}
