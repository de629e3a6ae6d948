//! What an installation has from its first start on.

mod demo;

use std::{collections::BTreeSet, fs, io, path::Path};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use spaceport_domain::{
    access::{Actor, Permission},
    event::Cursor,
    id::{RoleId, UserId},
    name::UserName,
    quota::Limits,
    scope::Scopes,
};
use uuid::Uuid;

use super::{App, AppResult, Origin, roles::tell_access};
use crate::{
    auth::{files, password},
    store::{Change, NewAuditEntry, NewUser, Role, User},
};

/// The role that allows everything.
pub const ADMIN: &str = "Admin";
/// The role users get when nobody says otherwise.
pub const DEVELOPER: &str = "Developer";
/// The name of the first administrator.
pub const ADMIN_USER: &str = "admin";
/// The file below the data directory that holds a generated password.
pub const INITIAL_PASSWORD_FILE: &str = "initial-admin-password";

/// A random text of 256 bits.
fn random_text() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// What the edge signs in with: made at the first start, in a file that the edge reads.
pub fn edge_token(data_dir: &Path) -> io::Result<String> {
    read_text(&data_dir.join("edge.token"), random_text)
}

/// What tells this installation's containers from others' on the same engine.
pub fn installation(data_dir: &Path) -> io::Result<String> {
    read_text(&data_dir.join("installation-id"), || {
        Uuid::new_v4().simple().to_string()[..12].to_owned()
    })
}

fn read_text(path: &Path, make: impl FnOnce() -> String) -> io::Result<String> {
    let bytes = files::read_or_create(path, || Ok(make().into_bytes()))?;
    let text = String::from_utf8(bytes).map_err(io::Error::other)?;
    Ok(text.trim().to_owned())
}

impl App {
    /// Removes the file of the generated password, when that is the one that was given up: whoever
    /// reads the file would be told what doesn't hold any more.
    pub(super) fn forget_initial_password(&self, given_up: &str) {
        let path = self.settings.data_dir.join(INITIAL_PASSWORD_FILE);
        let holds_it = fs::read_to_string(&path).is_ok_and(|text| text.trim() == given_up);
        if holds_it && let Err(error) = fs::remove_file(&path) {
            tracing::warn!(%error, path = %path.display(), "the old password is still in its file");
        }
    }

    /// Makes the built-in roles, the first administrator and, where wanted, demo templates, in an
    /// installation without accounts. In any other it only renews the built-in roles.
    pub async fn bootstrap(&self) -> AppResult<()> {
        let given = self.settings.admin_password.clone();
        let generated = given.is_none();
        let mut change = self.store.begin().await?;
        if !change.has_no_users().await? {
            return self.renew_built_in_roles(change).await;
        }
        let password = given.unwrap_or_else(|| random_text()[..20].to_owned());
        let (admin, developer) = (
            built_in(ADMIN, Permission::ALL),
            built_in(DEVELOPER, Permission::DEVELOPER),
        );
        change.insert_role(&admin).await?;
        change.insert_role(&developer).await?;
        let now = self.now();
        let user = User {
            id: UserId::new(Uuid::now_v7()),
            name: admin_name()?,
            display_name: "Administrator".to_owned(),
            limits: Limits::default(),
            created_at: now,
            disabled_at: None,
            deleted_at: None,
        };
        let password_hash = password::hash(password.clone()).await?;
        change
            .insert_user(&NewUser {
                user: user.clone(),
                password_hash,
            })
            .await?;
        change.set_roles(user.id, &[admin.id]).await?;
        change.audit(NewAuditEntry {
            actor: None,
            as_of: None,
            actor_name: "spaceport".to_owned(),
            action: "createUser",
            subject: user.id.to_string(),
            address: String::new(),
            detail: "first start".to_owned(),
        });
        if generated {
            let path = self.settings.data_dir.join(INITIAL_PASSWORD_FILE);
            files::write_new(&path, format!("{password}\n").as_bytes()).map_err(io_error)?;
            // Printed once, on purpose: nobody could sign in otherwise.
            println!("The administrator is {ADMIN_USER}, the password {password}");
            println!(
                "It is also in {} until you remove that file.",
                path.display()
            );
        }
        change.commit(now).await?;
        if self.settings.demo {
            let actor = Actor {
                user_id: user.id,
                user_name: ADMIN_USER.to_owned(),
                permissions: Permission::ALL.into_iter().collect(),
                held: Permission::ALL.into_iter().collect(),
                scopes: Scopes::all(),
                groups: Vec::new(),
                as_of: Cursor::START,
            };
            for template in demo::templates() {
                self.create_template(&actor, &Origin::default(), template)
                    .await?;
            }
        }
        Ok(())
    }
}

impl App {
    /// The built-in roles allow what this version says they do, also in an installation that an
    /// older version made.
    async fn renew_built_in_roles(&self, mut change: Change) -> AppResult<()> {
        let roles = change.roles().await?;
        for mut role in roles.into_iter().filter(|role| role.built_in) {
            let permissions: BTreeSet<_> = match role.name.as_str() {
                ADMIN => Permission::ALL.into_iter().collect(),
                DEVELOPER => Permission::DEVELOPER.into_iter().collect(),
                _ => continue,
            };
            if role.permissions != permissions {
                role.permissions = permissions;
                change.update_role(&role).await?;
                let holders = change.users_with_role(role.id).await?;
                tell_access(&mut change, holders);
            }
        }
        change.commit(self.now()).await?;
        Ok(())
    }
}

fn io_error(error: io::Error) -> super::AppError {
    super::AppError::Internal(Box::new(error))
}

fn admin_name() -> Result<UserName, super::AppError> {
    ADMIN_USER
        .parse()
        .map_err(|error| super::AppError::Internal(Box::new(error)))
}

fn built_in(name: &str, permissions: impl IntoIterator<Item = Permission>) -> Role {
    Role {
        id: RoleId::new(Uuid::now_v7()),
        name: name.to_owned(),
        permissions: permissions.into_iter().collect::<BTreeSet<_>>(),
        built_in: true,
    }
}
