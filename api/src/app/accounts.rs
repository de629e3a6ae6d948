//! Signing in and out, and the accounts behind it.

use std::time::Duration;

use spaceport_domain::{
    access::{Actor, Permission},
    event::{EventBody, SignIn},
    id::{RoleId, SessionId, UserId},
    name::UserName,
    problem::{Problem, ProblemCode},
    quota::{Limits, Resource},
};
use uuid::Uuid;

use super::{App, AppError, AppResult, Done, Origin};
use crate::{
    auth::{password, token},
    store::{NewAuditEntry, NewUser, Page, PageRequest, Session, User},
};

/// How long a sign-in lasts.
const SESSION_LIFE: Duration = Duration::from_hours(7 * 24);
/// The most characters of a display name.
const DISPLAY_NAME_MAX_CHARS: usize = 100;
/// The highest limit.
const LIMIT_MAX: i64 = 1_000_000_000;

/// Somebody whose credentials hold.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who it is.
    pub actor: Actor,
    /// What their credentials stand for.
    pub sign_in: SignIn,
    /// When they end by themselves.
    pub expires_at: Option<spaceport_domain::time::Timestamp>,
}

/// An account as somebody wants it.
#[derive(Clone, Debug)]
pub struct CreateUser {
    /// The name to sign in with.
    pub user_name: String,
    /// The password.
    pub password: String,
    /// How the person is called; by default like the name.
    pub display_name: Option<String>,
    /// Roles, as the caller spelled them; by default Developer.
    pub role_ids: Option<Vec<String>>,
    /// Groups, as the caller spelled them.
    pub group_ids: Vec<String>,
    /// What they may consume.
    pub limits: Limits,
}

/// Changes of an account; what is `None` stays.
#[derive(Clone, Debug)]
pub struct UpdateUser {
    /// How the person is called.
    pub display_name: Option<String>,
    /// A new password.
    pub password: Option<String>,
    /// Exactly these roles.
    pub role_ids: Option<Vec<String>>,
    /// Exactly these groups.
    pub group_ids: Option<Vec<String>>,
    /// What they may consume.
    pub limits: Option<Limits>,
}

impl App {
    /// Signs in with a password; returns the token to send with later requests.
    pub async fn sign_in(
        &self,
        origin: &Origin,
        user_name: &str,
        password: String,
    ) -> AppResult<(String, User)> {
        let known = self.store.user_to_sign_in(user_name).await?;
        let (user, hash) = known.map_or((None, None), |(user, hash)| (Some(user), Some(hash)));
        let verified = password::verify(password, hash).await?;
        let Some(user) = user.filter(|_| verified) else {
            let message = "user name or password is wrong";
            return Err(Problem::new(ProblemCode::InvalidCredentials, message).into());
        };
        let now = self.now();
        let session = Session {
            id: SessionId::new(Uuid::now_v7()),
            user_id: user.id,
            created_at: now,
            expires_at: now.after(SESSION_LIFE),
            revoked_at: None,
            address: origin.address_text(),
        };
        let signed = self
            .keys
            .sign(user.id, session.id, now, session.expires_at)?;
        let mut change = self.store.begin().await?;
        change.insert_session(&session).await?;
        change.audit(NewAuditEntry {
            actor: Some(user.id),
            actor_name: user.name.as_str().to_owned(),
            action: "signIn",
            subject: session.id.to_string(),
            address: origin.address_text(),
            detail: String::new(),
        });
        change.commit(now).await?;
        Ok((signed, user))
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
        let now = self.now();
        let (user, sign_in, expires_at) = if sent.starts_with(token::PREFIX) {
            let Some(known) = self.store.token_by_hash(&token::hash(sent)).await? else {
                return Ok(None);
            };
            if known.revoked_at.is_some() || known.expires_at.is_some_and(|at| at <= now) {
                return Ok(None);
            }
            (known.user_id, SignIn::ApiToken(known.id), known.expires_at)
        } else {
            let Some(claims) = self.keys.verify(sent) else {
                return Ok(None);
            };
            let open = self.store.session(claims.sid).await?.filter(|session| {
                session.user_id == claims.sub
                    && session.revoked_at.is_none()
                    && session.expires_at > now
            });
            let Some(session) = open else { return Ok(None) };
            (
                session.user_id,
                SignIn::Session(session.id),
                Some(session.expires_at),
            )
        };
        let actor = self.store.actor(user).await?;
        Ok(actor.map(|actor| SignedIn {
            actor,
            sign_in,
            expires_at,
        }))
    }

    /// The actor's own account.
    pub async fn viewer(&self, actor: &Actor) -> AppResult<User> {
        let users = self.store.users_by_id(&[actor.user_id]).await?;
        users
            .into_iter()
            .next()
            .ok_or_else(|| Problem::not_found("user").into())
    }

    /// A page of the accounts: all for who manages users, else the actor's own.
    pub async fn users(&self, actor: &Actor, page: PageRequest) -> AppResult<Page<User>> {
        if actor.may(Permission::ManageUsers) {
            return Ok(self.store.users(page).await?);
        }
        let own = self.viewer(actor).await?;
        let items = if page.after.is_some() {
            Vec::new()
        } else {
            vec![own]
        };
        Ok(Page {
            items,
            has_next: false,
        })
    }

    /// Makes an account.
    pub async fn create_user(
        &self,
        actor: &Actor,
        origin: &Origin,
        input: CreateUser,
    ) -> AppResult<Done<User>> {
        actor.require(Permission::ManageUsers)?;
        let mut problems = check_limits(&input.limits);
        let name = match input.user_name.parse::<UserName>() {
            Ok(name) => Some(name),
            Err(error) => {
                problems.push(Problem::input(["userName"], error.to_string()));
                None
            }
        };
        check_password(&input.password, &mut problems);
        let display_name = input
            .display_name
            .unwrap_or_else(|| input.user_name.clone());
        check_display_name(&display_name, &mut problems);
        let roles = match &input.role_ids {
            Some(ids) => self.known_roles(ids, &mut problems).await?,
            None => self.default_roles().await?,
        };
        let groups = self.known_groups(&input.group_ids, &mut problems).await?;
        let Some(name) = name.filter(|_| problems.is_empty()) else {
            return Err(problems.into());
        };
        let password_hash = password::hash(input.password).await?;
        let now = self.now();
        let user = User {
            id: UserId::new(Uuid::now_v7()),
            name,
            display_name,
            limits: input.limits,
            created_at: now,
        };
        let mut change = self.store.begin().await?;
        if change.user_name_taken(&user.name).await? {
            let message = "there is a user of this name";
            return Err(Problem::new(ProblemCode::NameTaken, message)
                .at(["userName"])
                .into());
        }
        change
            .insert_user(&NewUser {
                user: user.clone(),
                password_hash,
            })
            .await?;
        change.set_roles(user.id, &roles).await?;
        change.set_groups(user.id, &groups).await?;
        change.audit(origin.entry(actor, "createUser", user.id, user.name.as_str()));
        let cursor = change.commit(now).await?;
        Ok(Done {
            value: user,
            cursor,
        })
    }

    /// Changes an account.
    pub async fn update_user(
        &self,
        actor: &Actor,
        origin: &Origin,
        user_id: &str,
        input: UpdateUser,
    ) -> AppResult<Done<User>> {
        actor.require(Permission::ManageUsers)?;
        let mut problems = input.limits.as_ref().map(check_limits).unwrap_or_default();
        if let Some(password) = &input.password {
            check_password(password, &mut problems);
        }
        if let Some(display_name) = &input.display_name {
            check_display_name(display_name, &mut problems);
        }
        let roles = match &input.role_ids {
            Some(ids) => Some(self.known_roles(ids, &mut problems).await?),
            None => None,
        };
        let groups = match &input.group_ids {
            Some(ids) => Some(self.known_groups(ids, &mut problems).await?),
            None => None,
        };
        if !problems.is_empty() {
            return Err(problems.into());
        }
        let password_hash = match input.password {
            Some(password) => Some(password::hash(password).await?),
            None => None,
        };
        let missing = || Problem::not_found("user").at(["userId"]);
        let id: UserId = user_id.parse().map_err(|_| missing())?;
        let mut change = self.store.begin().await?;
        let mut user = change.user(id).await?.ok_or_else(missing)?;
        user.display_name = input.display_name.unwrap_or(user.display_name);
        user.limits = input.limits.unwrap_or(user.limits);
        let is_access_changed = password_hash.is_some() || roles.is_some() || groups.is_some();
        if password_hash.is_some() {
            // Whoever knew the old password may have signed in, and may have made tokens.
            change.end_sign_ins(id, self.now()).await?;
        }
        change.update_user(&user, password_hash).await?;
        if let Some(roles) = roles {
            change.set_roles(id, &roles).await?;
        }
        if let Some(groups) = groups {
            change.set_groups(id, &groups).await?;
        }
        if is_access_changed {
            change.emit(EventBody::Access { user_id: id });
        }
        change.emit(EventBody::User { user_id: id });
        change.audit(origin.entry(actor, "updateUser", id, user.name.as_str()));
        let cursor = change.commit(self.now()).await?;
        Ok(Done {
            value: user,
            cursor,
        })
    }

    async fn known_roles(
        &self,
        role_ids: &[String],
        problems: &mut Vec<Problem>,
    ) -> AppResult<Vec<RoleId>> {
        let roles = self.store.roles().await?;
        let mut known = Vec::new();
        for (index, id) in role_ids.iter().enumerate() {
            let id = id.parse::<RoleId>().ok();
            match roles.iter().find(|role| Some(role.id) == id) {
                Some(role) => known.push(role.id),
                None => {
                    let at = ["roleIds".to_owned(), index.to_string()];
                    problems.push(Problem::not_found("role").at(at));
                }
            }
        }
        known.sort_unstable();
        known.dedup();
        Ok(known)
    }

    async fn default_roles(&self) -> Result<Vec<RoleId>, AppError> {
        let roles = self.store.roles().await?;
        let developer = roles
            .iter()
            .find(|role| role.name == super::bootstrap::DEVELOPER);
        Ok(developer.map(|role| role.id).into_iter().collect())
    }
}

fn check_password(password: &str, problems: &mut Vec<Problem>) {
    if let Some(mistake) = password::mistake(password) {
        problems.push(Problem::input(["password"], mistake));
    }
}

fn check_display_name(name: &str, problems: &mut Vec<Problem>) {
    if name.trim().is_empty() || name.chars().count() > DISPLAY_NAME_MAX_CHARS {
        let message = format!("must be from 1 to {DISPLAY_NAME_MAX_CHARS} characters long");
        problems.push(Problem::input(["displayName"], message));
    }
}

/// Names every limit that is negative or absurd.
pub(super) fn check_limits(limits: &Limits) -> Vec<Problem> {
    let field = |resource| match resource {
        Resource::Spaces => "spaces",
        Resource::ComputeUnits => "computeUnits",
        Resource::StorageUnits => "storageUnits",
        Resource::Tunnels => "tunnels",
    };
    Resource::ALL
        .into_iter()
        .filter(|&it| {
            limits
                .get(it)
                .is_some_and(|limit| !(0..=LIMIT_MAX).contains(&limit))
        })
        .map(|it| {
            Problem::input(
                ["limits", field(it)],
                format!("must be from 0 to {LIMIT_MAX}"),
            )
        })
        .collect()
}
