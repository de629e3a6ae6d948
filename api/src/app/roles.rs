//! Roles: named sets of permissions. Nobody puts more into a role than they have themselves.

use std::collections::BTreeSet;

use spaceport_domain::{
    access::{Actor, Permission},
    event::EventBody,
    id::{RoleId, UserId},
    problem::{Problem, ProblemCode},
};
use uuid::Uuid;

use super::{App, AppResult, Done, Origin};
use crate::store::{Change, Role};

/// The most characters of a role's name.
const NAME_MAX_CHARS: usize = 100;
/// The most roles of an installation: all of them are read at once.
const ROLES_MAX: usize = 200;

impl App {
    /// Makes a role.
    pub async fn create_role(
        &self,
        actor: &Actor,
        origin: &Origin,
        name: String,
        permissions: BTreeSet<Permission>,
    ) -> AppResult<Done<Role>> {
        actor.require(Permission::ManageRoles)?;
        let mut change = self.store.begin().await?;
        let known = change.roles().await?;
        if known.len() >= ROLES_MAX {
            let message = format!("there are {ROLES_MAX} roles, the most possible");
            return Err(Problem::new(ProblemCode::InvalidInput, message).into());
        }
        let role = Role {
            id: RoleId::new(Uuid::now_v7()),
            name,
            permissions,
            built_in: false,
        };
        check(actor, &known, &role)?;
        change.insert_role(&role).await?;
        change.audit(origin.entry(actor, "createRole", role.id, &role.name));
        let cursor = change.commit(self.now()).await?;
        Ok(Done {
            value: role,
            cursor,
        })
    }

    /// Changes a role's name or permissions; what is `None` stays. Whoever has the role may do at
    /// once what it now allows, and nothing else.
    pub async fn update_role(
        &self,
        actor: &Actor,
        origin: &Origin,
        role_id: &str,
        name: Option<String>,
        permissions: Option<BTreeSet<Permission>>,
    ) -> AppResult<Done<Role>> {
        actor.require(Permission::ManageRoles)?;
        let mut change = self.store.begin().await?;
        let known = change.roles().await?;
        let mut role = own_role(&known, role_id)?;
        // Who lacks what the role allows may not take it from others either.
        actor.require_all(&role.permissions)?;
        role.name = name.unwrap_or(role.name);
        let is_access_changed = permissions.is_some();
        role.permissions = permissions.unwrap_or(role.permissions);
        check(actor, &known, &role)?;
        change.update_role(&role).await?;
        if is_access_changed {
            let holders = change.users_with_role(role.id).await?;
            tell_access(&mut change, holders);
        }
        change.audit(origin.entry(actor, "updateRole", role.id, &role.name));
        let cursor = change.commit(self.now()).await?;
        Ok(Done {
            value: role,
            cursor,
        })
    }

    /// Removes a role, also from those who have it.
    pub async fn delete_role(
        &self,
        actor: &Actor,
        origin: &Origin,
        role_id: &str,
    ) -> AppResult<Done<Role>> {
        actor.require(Permission::ManageRoles)?;
        let mut change = self.store.begin().await?;
        let role = own_role(&change.roles().await?, role_id)?;
        actor.require_all(&role.permissions)?;
        let holders = change.users_with_role(role.id).await?;
        change.delete_role(role.id).await?;
        tell_access(&mut change, holders);
        change.audit(origin.entry(actor, "deleteRole", role.id, &role.name));
        let cursor = change.commit(self.now()).await?;
        Ok(Done {
            value: role,
            cursor,
        })
    }
}

/// The role named, which must not be a built-in one.
fn own_role(known: &[Role], role_id: &str) -> Result<Role, Problem> {
    let missing = || Problem::not_found("role").at(["roleId"]);
    let id: RoleId = role_id.parse().map_err(|_| missing())?;
    let role = known.iter().find(|role| role.id == id).cloned();
    let role = role.ok_or_else(missing)?;
    if role.built_in {
        let message = "a built-in role stays as it is";
        return Err(Problem::new(ProblemCode::Forbidden, message).at(["roleId"]));
    }
    Ok(role)
}

fn check(actor: &Actor, known: &[Role], role: &Role) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    if role.name.trim().is_empty() || role.name.chars().count() > NAME_MAX_CHARS {
        let message = format!("must be from 1 to {NAME_MAX_CHARS} characters long");
        problems.push(Problem::input(["name"], message));
    } else if known
        .iter()
        .any(|other| other.id != role.id && other.name == role.name)
    {
        let message = "there is a role of this name";
        problems.push(Problem::new(ProblemCode::NameTaken, message).at(["name"]));
    }
    if let Err(problem) = actor.require_all(&role.permissions) {
        problems.push(problem.at(["permissions"]));
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

/// Ends what runs with what these users could do before.
pub(super) fn tell_access(change: &mut Change, users: Vec<UserId>) {
    for user_id in users {
        change.emit(EventBody::Access { user_id });
    }
}
