//! Signing in and out.

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};

use crate::{
    app::AppError,
    graphql::{
        caller::Call,
        types::{
            inputs::SignInInput,
            problem::{self, Problem},
            user::User,
        },
    },
};

/// Signing in and out.
#[derive(Default)]
pub struct SessionMutation;

/// The answer to signing in.
#[derive(SimpleObject, Default)]
pub struct SignInPayload {
    /// What to send with later requests: `Authorization: Bearer <token>`.
    token: Option<String>,
    /// Who signed in.
    user: Option<User>,
    /// Why nobody did.
    problems: Vec<Problem>,
}

/// The answer to signing out.
#[derive(SimpleObject, Default)]
pub struct SignOutPayload {
    /// Why it failed.
    problems: Vec<Problem>,
}

#[Object]
impl SessionMutation {
    /// Signs in with a password.
    async fn sign_in(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who signs in.")] input: SignInInput,
    ) -> Result<SignInPayload> {
        let app = context.app()?;
        match app
            .sign_in(context.origin()?, &input.user_name, input.password)
            .await
        {
            Ok((token, user)) => Ok(SignInPayload {
                token: Some(token),
                user: Some(User(Arc::new(user))),
                problems: Vec::new(),
            }),
            Err(AppError::Refused(problems)) => Ok(SignInPayload {
                problems: problem::all(problems),
                ..SignInPayload::default()
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends the sign-in, or takes back the token, that this request was made with, and ends every
    /// subscription on it.
    async fn sign_out(&self, context: &Context<'_>) -> Result<SignOutPayload> {
        context
            .app()?
            .sign_out(context.origin()?, context.signed_in()?)
            .await?;
        Ok(SignOutPayload::default())
    }
}
