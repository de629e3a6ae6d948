//! Signing in and out, and knowing who calls.

use std::time::Duration;

use spaceport_domain::{
    access::Actor,
    event::{EventBody, SignIn},
    id::{SessionId, UserId},
    problem::{Problem, ProblemCode},
    scope::Scopes,
    time::Timestamp,
};
use uuid::Uuid;

use super::{App, AppResult, Origin};
use crate::{
    auth::{
        attempts::Attempt,
        keys::{Audience, SignInClaims},
        password, token,
    },
    store::{Change, NewAuditEntry, Session, User},
};

/// How long a sign-in lasts.
const SESSION_LIFE: Duration = Duration::from_hours(7 * 24);
/// The most sign-ins of one user that hold at the same time; one more ends the oldest.
const SESSIONS_MAX: usize = 100;

/// Somebody whose credentials hold.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who it is.
    pub actor: Actor,
    /// What their credentials stand for.
    pub sign_in: SignIn,
    /// When they end by themselves.
    pub expires_at: Option<Timestamp>,
}

impl App {
    /// Signs in with a password; returns the token to send with later requests.
    pub async fn sign_in(
        &self,
        origin: &Origin,
        user_name: &str,
        password: String,
    ) -> AppResult<(String, User)> {
        let attempt = Attempt::new(origin.address, user_name);
        self.begin_attempt(&attempt)?;
        let known = self.store.user_to_sign_in(user_name).await?;
        let (user, hash) = known.map_or((None, None), |(user, hash)| (Some(user), Some(hash)));
        let verified = password::verify(password, hash.clone()).await;
        if verified.is_err() {
            // Nothing was tried.
            self.attempts.forgive(&attempt);
        }
        if !verified? {
            self.note_failure(origin, user).await?;
            return Err(wrong_credentials().into());
        }
        self.attempts.succeed(&attempt, self.now());
        let user = user.ok_or_else(wrong_credentials)?;
        if user.disabled_at.is_some() {
            // Only who knows the password learns of it.
            return Err(Problem::new(ProblemCode::Forbidden, "this account is disabled").into());
        }
        let now = self.now();
        let mut change = self.store.begin().await?;
        // The password may have been changed while it was verified.
        if change.password_hash(user.id).await? != hash {
            return Err(wrong_credentials().into());
        }
        let signed = self
            .begin_session(&mut change, origin, &user, now, "signIn")
            .await?;
        change.commit(now).await?;
        Ok((signed, user))
    }

    /// A new sign-in of somebody who has proved who they are, with its audit entry; returns its token.
    pub(super) async fn begin_session(
        &self,
        change: &mut Change,
        origin: &Origin,
        user: &User,
        now: Timestamp,
        action: &'static str,
    ) -> AppResult<String> {
        let session = Session {
            id: SessionId::new(Uuid::now_v7()),
            user_id: user.id,
            created_at: now,
            expires_at: now.after(SESSION_LIFE),
            revoked_at: None,
            address: origin.address_text(),
            user_agent: origin.user_agent_text(),
            last_used_at: None,
        };
        let signed = self
            .keys
            .sign(Audience::Api, user.id, session.id, now, session.expires_at)?;
        make_room(change, user.id, now).await?;
        change.insert_session(&session).await?;
        change.audit(NewAuditEntry {
            actor: Some(user.id),
            as_of: None,
            actor_name: user.name.as_str().to_owned(),
            action,
            subject: session.id.to_string(),
            address: origin.address_text(),
            detail: String::new(),
        });
        Ok(signed)
    }

    /// Counts an attempt to prove who somebody is.
    pub(super) fn begin_attempt(&self, attempt: &Attempt) -> AppResult<()> {
        let begun = self.attempts.begin(attempt, self.now());
        begun.map_err(|wait| Problem::rate_limited("too many attempts", wait).into())
    }

    /// Writes down that somebody gave a wrong password. The name they gave is written down only
    /// when there is such a user: it may be a password in the wrong field.
    async fn note_failure(&self, origin: &Origin, user: Option<User>) -> AppResult<()> {
        let (subject, name) = match user {
            Some(user) => (user.id.to_string(), String::from(user.name)),
            None => (String::new(), String::new()),
        };
        let mut change = self.store.begin().await?;
        change.audit(NewAuditEntry {
            // Who it was is just what nobody knows.
            actor: None,
            as_of: None,
            actor_name: name,
            action: "signInFailed",
            subject,
            address: origin.address_text(),
            detail: String::new(),
        });
        change.commit(self.now()).await?;
        Ok(())
    }

    /// Ends the sign-in the caller uses, and everything that runs on it.
    pub async fn sign_out(&self, origin: &Origin, signed_in: &SignedIn) -> AppResult<()> {
        let now = self.now();
        let mut change = self.store.begin().await?;
        let user_id = signed_in.actor.user_id;
        let subject = match signed_in.sign_in {
            SignIn::Session(id) => {
                change.revoke_session(id, now).await?;
                id.to_string()
            }
            SignIn::ApiToken(id) => {
                change.revoke_token(id, now).await?;
                id.to_string()
            }
        };
        change.emit(EventBody::SignInEnded {
            user_id,
            sign_in: signed_in.sign_in,
        });
        change.audit(origin.entry(&signed_in.actor, "signOut", subject, ""));
        change.commit(now).await?;
        Ok(())
    }

    /// Who sends `token`, when it holds.
    pub async fn authenticate(&self, sent: &str) -> AppResult<Option<SignedIn>> {
        let proof = if sent.starts_with(token::PREFIX) {
            self.token_proof(sent).await?
        } else {
            self.session_proof(self.keys.verify(Audience::Api, sent))
                .await?
        };
        self.known_by(proof).await
    }

    /// Who uses the browser that sends `cookie` to the pages on its way in, while the sign-in behind it holds.
    pub async fn authenticate_browser(&self, cookie: &str) -> AppResult<Option<SignedIn>> {
        let claims = self.keys.verify(Audience::Entrance, cookie);
        let proof = self.session_proof(claims).await?;
        self.known_by(proof).await
    }

    /// What a browser may send to the pages on its way in for as long as the session `signed_in` holds: proof of
    /// the same sign-in, and of use nowhere else. `None` for a token of a program, and for what
    /// never ends.
    pub fn browser_cookie(&self, signed_in: &SignedIn) -> AppResult<Option<String>> {
        let (SignIn::Session(session), Some(end)) = (signed_in.sign_in, signed_in.expires_at)
        else {
            return Ok(None);
        };
        let (user, now) = (signed_in.actor.user_id, self.now());
        let signed = self
            .keys
            .sign(Audience::Entrance, user, session, now, end)?;
        Ok(Some(signed))
    }

    async fn token_proof(&self, sent: &str) -> AppResult<Option<Proof>> {
        let known = self.store.token_by_hash(&token::hash(sent)).await?;
        let known = known.filter(|token| token.holds_at(self.now()));
        Ok(known.map(|token| Proof {
            user: token.user_id,
            sign_in: SignIn::ApiToken(token.id),
            scopes: token.scopes,
            last_used_at: token.last_used_at,
            expires_at: token.expires_at,
        }))
    }

    async fn session_proof(&self, claims: Option<SignInClaims>) -> AppResult<Option<Proof>> {
        let Some(claims) = claims else {
            return Ok(None);
        };
        let known = self.store.session(claims.sid).await?;
        let known =
            known.filter(|session| session.user_id == claims.sub && session.holds_at(self.now()));
        Ok(known.map(|session| Proof {
            user: session.user_id,
            sign_in: SignIn::Session(session.id),
            scopes: Scopes::all(),
            last_used_at: session.last_used_at,
            expires_at: Some(session.expires_at),
        }))
    }

    /// The user behind what holds, as they are now.
    async fn known_by(&self, proof: Option<Proof>) -> AppResult<Option<SignedIn>> {
        let Some(proof) = proof else {
            return Ok(None);
        };
        let Some(actor) = self.store.actor(proof.user).await? else {
            return Ok(None);
        };
        self.last_uses
            .note(proof.sign_in, proof.last_used_at, self.now());
        Ok(Some(SignedIn {
            actor: actor.within(proof.scopes),
            sign_in: proof.sign_in,
            expires_at: proof.expires_at,
        }))
    }
}

/// A sign-in that holds.
struct Proof {
    user: UserId,
    sign_in: SignIn,
    scopes: Scopes,
    last_used_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
}

/// Neither says whether there is such a user.
pub(super) fn wrong_credentials() -> Problem {
    let message = "user name or password is wrong";
    Problem::new(ProblemCode::InvalidCredentials, message)
}

/// Ends the oldest sign-ins of a user who has as many as are kept.
async fn make_room(change: &mut Change, user_id: UserId, now: Timestamp) -> AppResult<()> {
    let open = change.sessions_of(user_id, now).await?;
    let surplus = (open.len() + 1).saturating_sub(SESSIONS_MAX);
    for id in open.into_iter().take(surplus) {
        end_session(change, user_id, id, now).await?;
    }
    Ok(())
}

/// Ends one sign-in of a user, and what runs on it.
pub(super) async fn end_session(
    change: &mut Change,
    user_id: UserId,
    id: SessionId,
    now: Timestamp,
) -> AppResult<()> {
    change.revoke_session(id, now).await?;
    change.emit(EventBody::SignInEnded {
        user_id,
        sign_in: SignIn::Session(id),
    });
    Ok(())
}
