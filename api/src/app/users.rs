//! Accounts.

use spaceport_domain::{
    access::{Actor, Permission},
    event::EventBody,
    id::{RoleId, UserId},
    name::UserName,
    problem::{Problem, ProblemCode},
    quota::{Limits, Resource},
};
use uuid::Uuid;

use super::{App, AppError, AppResult, Done, Origin};
use crate::{
    auth::password,
    store::{Change, NewUser, Page, PageRequest, Role, User},
};

/// The most characters of a display name.
const DISPLAY_NAME_MAX_CHARS: usize = 100;
/// The highest limit.
const LIMIT_MAX: i64 = 1_000_000_000;

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
        problems.extend(check_grant(actor, &roles));
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
            disabled_at: None,
            deleted_at: None,
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
        change.set_roles(user.id, &ids(&roles)).await?;
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
        problems.extend(check_grant(actor, roles.as_deref().unwrap_or_default()));
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
        let mut change = self.store.begin().await?;
        let mut user = named(&change, user_id).await?;
        let id = user.id;
        self.require_above(actor, id).await?;
        user.display_name = input.display_name.unwrap_or(user.display_name);
        user.limits = input.limits.unwrap_or(user.limits);
        let is_access_changed = password_hash.is_some() || roles.is_some() || groups.is_some();
        if password_hash.is_some() {
            // Whoever knew the old password may have signed in, and may have made tokens.
            change.end_sign_ins(id, self.now()).await?;
        }
        change.update_user(&user, password_hash).await?;
        // Roles and groups are locked before what refers to them, as everywhere.
        if roles.is_some() {
            change.roles().await?;
        }
        for group in groups.iter().flatten() {
            change.group(*group).await?;
        }
        if let Some(roles) = roles {
            change.set_roles(id, &ids(&roles)).await?;
            require_manager(&change, "userId").await?;
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
    ) -> AppResult<Vec<Role>> {
        let roles = self.store.roles().await?;
        let mut known = Vec::new();
        for (index, id) in role_ids.iter().enumerate() {
            let id = id.parse::<RoleId>().ok();
            match roles.iter().find(|role| Some(role.id) == id) {
                Some(role) => known.push(role.clone()),
                None => {
                    let at = ["roleIds".to_owned(), index.to_string()];
                    problems.push(Problem::not_found("role").at(at));
                }
            }
        }
        known.sort_unstable_by_key(|role| role.id);
        known.dedup_by_key(|role| role.id);
        Ok(known)
    }

    async fn default_roles(&self) -> Result<Vec<Role>, AppError> {
        let mut roles = self.store.roles().await?;
        roles.retain(|role| role.built_in && role.name == super::bootstrap::DEVELOPER);
        Ok(roles)
    }

    /// Refuses an actor who may do less than the user they want to control: by a new password or
    /// other roles they would get what that user has.
    pub(super) async fn require_above(&self, actor: &Actor, user: UserId) -> AppResult<()> {
        let held = self.store.permissions_of(user).await?;
        let above = actor.require_all(&held);
        Ok(above.map_err(|problem| problem.at(["userId"]))?)
    }
}

fn ids(roles: &[Role]) -> Vec<RoleId> {
    roles.iter().map(|role| role.id).collect()
}

/// What keeps the actor from giving somebody these roles.
fn check_grant(actor: &Actor, roles: &[Role]) -> Option<Problem> {
    let granted = roles.iter().flat_map(|role| role.permissions.clone());
    let refused = actor.require_all(&granted.collect()).err();
    refused.map(|problem| problem.at(["roleIds"]))
}

/// The user the caller names, locked until the change ends.
pub(super) async fn named(change: &Change, user_id: &str) -> AppResult<User> {
    let user = change.user(parsed(user_id)?).await?;
    Ok(user.ok_or_else(no_such_user)?)
}

/// The identifier of the user the caller names.
pub(super) fn parsed(user_id: &str) -> Result<UserId, Problem> {
    user_id.parse().map_err(|_| no_such_user())
}

fn no_such_user() -> Problem {
    Problem::not_found("user").at(["userId"])
}

/// Refuses a change after which nobody could manage users: nobody could ever undo it.
pub(super) async fn require_manager(change: &Change, path: &str) -> AppResult<()> {
    if change.has_manager().await? {
        return Ok(());
    }
    let message = "nobody would be left who may manage users";
    let problem = Problem::new(ProblemCode::LastManager, message);
    Err(problem.at([path]).into())
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
