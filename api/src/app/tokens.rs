//! Long-lived tokens for programs.

use spaceport_domain::{
    access::Actor,
    event::{EventBody, SignIn},
    id::ApiTokenId,
    problem::{Problem, ProblemCode},
    scope::{Scope, Scopes},
    time::Timestamp,
};
use uuid::Uuid;

use super::{App, AppResult, Done, Origin, sign_in::SignedIn};
use crate::{auth::token, store::ApiToken};

/// The most characters of a token's name.
const NAME_MAX_CHARS: usize = 100;
/// The most tokens of one user that hold at the same time.
const TOKENS_MAX: u64 = 100;

/// A token as somebody wants it.
#[derive(Clone, Debug)]
pub struct CreateApiToken {
    /// What to call it.
    pub name: String,
    /// What it may be used for; whatever its maker's credentials may be when absent.
    pub scopes: Option<Vec<Scope>>,
    /// When it ends by itself; when absent, with the token it is made with, or never.
    pub expires_at: Option<Timestamp>,
}

impl App {
    /// Makes a token. It is returned here and never again. One that is made with another token
    /// holds no longer than that.
    pub async fn create_api_token(
        &self,
        signed_in: &SignedIn,
        origin: &Origin,
        wanted: CreateApiToken,
    ) -> AppResult<(String, Done<ApiToken>)> {
        let actor = &signed_in.actor;
        let CreateApiToken {
            name,
            scopes,
            expires_at,
        } = wanted;
        let now = self.now();
        let mut problems = Vec::new();
        if name.trim().is_empty() || name.chars().count() > NAME_MAX_CHARS {
            let message = format!("must be from 1 to {NAME_MAX_CHARS} characters long");
            problems.push(Problem::input(["name"], message));
        }
        if expires_at.is_some_and(|at| at <= now) {
            problems.push(Problem::input(["expiresAt"], "must be in the future"));
        }
        let bound = match signed_in.sign_in {
            SignIn::ApiToken(_) => signed_in.expires_at,
            SignIn::Session(_) => None,
        };
        let expires_at = expires_at.or(bound);
        if bound.is_some_and(|bound| expires_at.is_none_or(|at| at > bound)) {
            let message = "must not be later than that of the token you use";
            problems.push(Problem::input(["expiresAt"], message));
        }
        let scopes = scopes.map_or_else(|| actor.scopes.clone(), Scopes::new);
        if let Some(lacking) = actor.scopes.lack(&scopes) {
            let message = format!("the token you use lacks the scope {lacking} itself");
            problems.push(Problem::new(ProblemCode::Forbidden, message).at(["scopes"]));
        }
        if !problems.is_empty() {
            return Err(problems.into());
        }
        let secret = token::generate();
        let made = ApiToken {
            id: ApiTokenId::new(Uuid::now_v7()),
            user_id: actor.user_id,
            name,
            hash: token::hash(&secret),
            created_at: now,
            expires_at,
            revoked_at: None,
            scopes,
            last_used_at: None,
        };
        let mut change = self.store.begin().await?;
        // One at a time, so that the bound holds.
        change.user(actor.user_id).await?;
        if change.count_tokens(actor.user_id, now).await? >= TOKENS_MAX {
            let message = format!("there are {TOKENS_MAX} tokens already: revoke one first");
            return Err(Problem::new(ProblemCode::InvalidTransition, message).into());
        }
        change.insert_token(&made).await?;
        change.emit(EventBody::User {
            user_id: actor.user_id,
        });
        change.audit(origin.entry(actor, "createApiToken", made.id, &made.name));
        let cursor = change.commit(now).await?;
        Ok((
            secret,
            Done {
                value: made,
                cursor,
            },
        ))
    }

    /// Takes a token back, and ends everything that runs on it.
    pub async fn revoke_api_token(
        &self,
        actor: &Actor,
        origin: &Origin,
        token_id: &str,
    ) -> AppResult<Done<ApiToken>> {
        let missing = || Problem::not_found("token").at(["tokenId"]);
        let id: ApiTokenId = token_id.parse().map_err(|_| missing())?;
        let known = self.store.token(id).await?;
        let mut token = known
            .filter(|token| token.user_id == actor.user_id)
            .ok_or_else(missing)?;
        let now = self.now();
        let mut change = self.store.begin().await?;
        change.revoke_token(id, now).await?;
        let (user_id, sign_in) = (actor.user_id, SignIn::ApiToken(id));
        change.emit(EventBody::SignInEnded { user_id, sign_in });
        change.audit(origin.entry(actor, "revokeApiToken", id, &token.name));
        let cursor = change.commit(now).await?;
        token.revoked_at = token.revoked_at.or(Some(now));
        Ok(Done {
            value: token,
            cursor,
        })
    }
}
