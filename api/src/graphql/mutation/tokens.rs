//! Tokens for programs.

use async_graphql::{Context, Object, Result, SimpleObject};

use crate::{
    app::{AppError, tokens::CreateApiToken},
    graphql::{
        caller::Call,
        error::answer,
        types::{
            inputs::{ApiTokenIdInput, CreateApiTokenInput},
            problem::{self, Problem},
            token::ApiToken,
        },
    },
};

/// Tokens for programs.
#[derive(Default)]
pub struct TokenMutation;

/// The answer to making a token.
#[derive(SimpleObject, Default)]
pub struct CreateApiTokenPayload {
    /// The token itself. It is shown here and never again.
    token: Option<String>,
    /// What is known of it.
    api_token: Option<ApiToken>,
    /// Why none was made.
    problems: Vec<Problem>,
    /// The position in the event log that includes the change.
    cursor: Option<String>,
}

/// The answer to taking a token back.
#[derive(SimpleObject)]
pub struct ApiTokenPayload {
    /// The token after the change.
    api_token: Option<ApiToken>,
    /// Why nothing was changed.
    problems: Vec<Problem>,
    /// The position in the event log that includes the change.
    cursor: Option<String>,
}

#[Object]
impl TokenMutation {
    /// Makes a token for a program. It never can do more than its user, and it can't be given more
    /// scopes than the credentials that make it, nor hold longer than a token that makes it.
    async fn create_api_token(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The token as it is wanted.")] input: CreateApiTokenInput,
    ) -> Result<CreateApiTokenPayload> {
        let (app, origin) = (context.app()?, context.origin()?);
        let signed_in = context.signed_in()?;
        let scopes = input
            .scopes
            .map(|it| it.into_iter().map(Into::into).collect());
        let wanted = CreateApiToken {
            name: input.name,
            scopes,
            expires_at: input.expires_at.map(|at| at.0),
        };
        match app.create_api_token(signed_in, origin, wanted).await {
            Ok((token, done)) => Ok(CreateApiTokenPayload {
                token: Some(token),
                api_token: Some(ApiToken(done.value)),
                problems: Vec::new(),
                cursor: Some(done.cursor.to_string()),
            }),
            Err(AppError::Refused(problems)) => Ok(CreateApiTokenPayload {
                problems: problem::all(problems),
                ..CreateApiTokenPayload::default()
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a token back and ends everything that runs on it.
    async fn revoke_api_token(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The token.")] input: ApiTokenIdInput,
    ) -> Result<ApiTokenPayload> {
        let (app, actor, origin) = (context.app()?, context.actor()?, context.origin()?);
        let (token, problems, cursor) =
            answer(app.revoke_api_token(actor, origin, &input.token_id).await)?;
        let api_token = token.map(ApiToken);
        Ok(ApiTokenPayload {
            api_token,
            problems: problem::all(problems),
            cursor,
        })
    }
}
