//! A user's sign-ins, and the password behind them.

use spaceport_domain::{
    access::{Actor, Permission},
    event::{EventBody, SignIn},
    id::{SessionId, UserId},
    problem::{Problem, ProblemCode},
};

use super::{
    App, AppResult, Done, Origin,
    sign_in::{SignedIn, end_session},
};
use crate::{
    auth::{attempts::Attempt, password},
    store::{Session, User},
};

impl App {
    /// Changes the password of who is signed in. Ends all of their sign-ins but the one this is
    /// asked with, because whoever knew the old password may have signed in. Their tokens stay:
    /// programs don't know the password.
    pub async fn change_password(
        &self,
        origin: &Origin,
        signed_in: &SignedIn,
        current: String,
        new: String,
    ) -> AppResult<Done<User>> {
        let SignedIn { actor, sign_in, .. } = signed_in;
        if let Some(mistake) = password::mistake(&new) {
            return Err(Problem::input(["newPassword"], mistake).into());
        }
        let wrong = || {
            let message = "the password is wrong";
            Problem::new(ProblemCode::InvalidCredentials, message).at(["currentPassword"])
        };
        // Whoever has a sign-in of somebody must not find out their password with it.
        let attempt = Attempt::new(origin.address, &actor.user_name);
        self.begin_attempt(&attempt)?;
        let known = self.store.user_to_sign_in(&actor.user_name).await?;
        let (user, hash) = known
            .filter(|(user, _)| user.id == actor.user_id)
            .ok_or_else(|| Problem::not_found("user"))?;
        if !password::verify(current.clone(), Some(hash.clone())).await? {
            return Err(wrong().into());
        }
        self.attempts.forgive(&attempt);
        let new = password::hash(new).await?;
        let now = self.now();
        let mut change = self.store.begin().await?;
        if change.password_hash(user.id).await? != Some(hash) {
            // It has just been changed by another request.
            return Err(wrong().into());
        }
        for id in change.sessions_of(user.id, now).await? {
            if *sign_in != SignIn::Session(id) {
                end_session(&mut change, user.id, id, now).await?;
            }
        }
        change.set_password_hash(user.id, new).await?;
        let user_id = user.id;
        change.emit(EventBody::User { user_id });
        change.audit(origin.entry(actor, "changePassword", user_id, user.name.as_str()));
        let cursor = change.commit(now).await?;
        self.forget_initial_password(&current);
        Ok(Done {
            value: user,
            cursor,
        })
    }

    /// Ends a sign-in of the actor, or of anybody for who manages users.
    pub async fn revoke_session(
        &self,
        actor: &Actor,
        origin: &Origin,
        session_id: &str,
    ) -> AppResult<Done<Session>> {
        let missing = || Problem::not_found("session").at(["sessionId"]);
        let id: SessionId = session_id.parse().map_err(|_| missing())?;
        let known = self.store.session(id).await?;
        let now = self.now();
        let mut session = known
            .filter(|session| manages_sign_ins_of(actor, session.user_id))
            .filter(|session| session.revoked_at.is_none() && session.expires_at > now)
            .ok_or_else(missing)?;
        let mut change = self.store.begin().await?;
        end_session(&mut change, session.user_id, id, now).await?;
        change.audit(origin.entry(actor, "revokeSession", id, ""));
        let cursor = change.commit(now).await?;
        session.revoked_at = Some(now);
        Ok(Done {
            value: session,
            cursor,
        })
    }
}

/// Whether `actor` may see and end the sign-ins of `user`.
pub fn manages_sign_ins_of(actor: &Actor, user: UserId) -> bool {
    actor.user_id == user || actor.may(Permission::ManageUsers)
}
