//! Accounts.

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};

use crate::{
    app::{
        AppResult, Done,
        users::{CreateUser, UpdateUser},
    },
    graphql::{
        caller::Call,
        error::answer,
        types::{
            inputs::{
                self, CreateUserInput, UpdateUserInput,
                departure::{DeleteUserInput, UserIdInput},
            },
            problem::{self, Problem},
            user::User,
        },
    },
    store,
};

/// Accounts.
#[derive(Default)]
pub struct AccountMutation;

/// The answer to a mutation of a user.
#[derive(SimpleObject)]
pub struct UserPayload {
    /// The user after the change.
    user: Option<User>,
    /// Why nothing was changed.
    problems: Vec<Problem>,
    /// The position in the event log that includes the change.
    cursor: Option<String>,
}

pub(super) fn payload(result: AppResult<Done<store::User>>) -> Result<UserPayload> {
    let (user, problems, cursor) = answer(result)?;
    let user = user.map(|user| User(Arc::new(user)));
    Ok(UserPayload {
        user,
        problems: problem::all(problems),
        cursor,
    })
}

#[Object]
impl AccountMutation {
    /// Makes an account.
    async fn create_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account as it is wanted.")] input: CreateUserInput,
    ) -> Result<UserPayload> {
        let wanted = CreateUser {
            user_name: input.user_name,
            password: input.password,
            display_name: input.display_name,
            role_ids: input.role_ids.map(inputs::texts),
            group_ids: inputs::texts(input.group_ids),
            limits: input.limits.into(),
        };
        let app = context.app()?;
        payload(
            app.create_user(context.actor()?, context.origin()?, wanted)
                .await,
        )
    }

    /// Changes an account.
    async fn update_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateUserInput,
    ) -> Result<UserPayload> {
        let wanted = UpdateUser {
            display_name: input.display_name,
            password: input.password,
            role_ids: input.role_ids.map(inputs::texts),
            group_ids: input.group_ids.map(inputs::texts),
            limits: input.limits.map(Into::into),
        };
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        payload(app.update_user(actor, origin, &input.user_id, wanted).await)
    }

    /// Keeps a user from signing in, until `enableUser`. Their sign-ins end for good, and within a
    /// second everything that runs on them or on their tokens; tokens and SSH keys are kept, but
    /// don't hold meanwhile. Their spaces that run are stopped; volumes and tunnels are kept.
    /// Succeeds also when they are disabled already.
    async fn disable_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The user.")] input: UserIdInput,
    ) -> Result<UserPayload> {
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        payload(app.disable_user(actor, origin, &input.user_id).await)
    }

    /// Lets a disabled user sign in again. Their tokens and SSH keys hold again; their spaces stay
    /// stopped until somebody starts them.
    async fn enable_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The user.")] input: UserIdInput,
    ) -> Result<UserPayload> {
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        payload(app.enable_user(actor, origin, &input.user_id).await)
    }

    /// Deletes a user for good: sign-ins, tokens, SSH keys, roles and memberships go at once, and
    /// the name is free. What becomes of their spaces is for the caller to say. A record of the
    /// account stays for the audit log.
    async fn delete_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom, and what becomes of their spaces.")] input: DeleteUserInput,
    ) -> Result<UserPayload> {
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        let estate = input.spaces.into();
        payload(app.delete_user(actor, origin, &input.user_id, estate).await)
    }
}
