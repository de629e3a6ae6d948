//! Signing in and out.

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};

use crate::{
    app::{AppError, AppResult},
    graphql::{
        caller::Call,
        error::answer,
        types::{
            inputs::{
                SignInInput,
                account::{ChangePasswordInput, RedeemCliCodeInput, SessionIdInput},
            },
            problem::{self, Problem},
            session::Session,
            user::User,
        },
    },
    store::User as UserRow,
};

use super::accounts::{UserPayload, payload as user_payload};

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

/// The answer to ending a sign-in.
#[derive(SimpleObject)]
pub struct SessionPayload {
    /// The sign-in that was ended.
    session: Option<Session>,
    /// Why nothing was changed.
    problems: Vec<Problem>,
    /// The position in the event log that includes the change.
    cursor: Option<String>,
}

/// The answer to signing out.
#[derive(SimpleObject, Default)]
pub struct SignOutPayload {
    /// Why it failed.
    problems: Vec<Problem>,
}

#[Object]
impl SessionMutation {
    /// Signs in with a password. Wrong passwords are counted for each address and for each account:
    /// who gives too many is answered `RATE_LIMITED`, with when to try again.
    async fn sign_in(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who signs in.")] input: SignInInput,
    ) -> Result<SignInPayload> {
        let app = context.app()?;
        let signed_in = app.sign_in(context.origin()?, &input.user_name, input.password);
        sign_in_payload(signed_in.await)
    }

    /// Signs a command line in with the one-time code that a browser brought it from
    /// `/cli/sign-in`. Good for a minute, once, and only for who made the challenge.
    async fn redeem_cli_code(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The code, and the proof of whose it is.")] input: RedeemCliCodeInput,
    ) -> Result<SignInPayload> {
        let app = context.app()?;
        let signed_in = app.redeem_cli_code(context.origin()?, &input.code, &input.verifier);
        sign_in_payload(signed_in.await)
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

    /// Changes the viewer's own password. Every other sign-in of theirs ends; the one this is asked
    /// with goes on, and so do their tokens and SSH keys: revoke those that may be known to others.
    async fn change_password(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The old and the new one.")] input: ChangePasswordInput,
    ) -> Result<UserPayload> {
        let (app, origin, signed_in) = (context.app()?, context.origin()?, context.signed_in()?);
        let (current, new) = (input.current_password, input.new_password);
        user_payload(app.change_password(origin, signed_in, current, new).await)
    }

    /// Ends a sign-in of the viewer, or of anybody for who manages users, and within a second
    /// everything that runs on it.
    async fn revoke_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The sign-in.")] input: SessionIdInput,
    ) -> Result<SessionPayload> {
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        let ended = app.revoke_session(actor, origin, &input.session_id).await;
        let (session, problems, cursor) = answer(ended)?;
        Ok(SessionPayload {
            session: session.map(Session),
            problems: problem::all(problems),
            cursor,
        })
    }
}

fn sign_in_payload(signed_in: AppResult<(String, UserRow)>) -> Result<SignInPayload> {
    match signed_in {
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
