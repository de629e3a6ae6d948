//! Users who leave: disabled for a while, or deleted for good.
//!
//! The account of a deleted user stays as a record, so that the audit log and spaces on their way
//! out keep their owner; nothing gives access to it any more, and its name is free.

use spaceport_domain::{
    access::{Actor, Permission},
    event::{EventBody, SpaceChange},
    id::UserId,
    lifecycle::{Decision, Request, request},
    problem::{Problem, ProblemCode},
    time::Timestamp,
};

use super::{
    App, AppResult, Done, Origin,
    spaces::enter,
    users::{named, parsed, require_manager},
};
use crate::store::{Change, User};

/// Where the caller names who gets the spaces.
const HEIR_PATH: [&str; 2] = ["spaces", "transferTo"];

/// What becomes of the spaces of a user who is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Estate {
    /// There must be none.
    Refuse,
    /// They are deleted, with their volumes and tunnels.
    Delete,
    /// They go to the user of this name, as the caller spelled it.
    Transfer(String),
}

impl App {
    /// Keeps a user from signing in. Ends their sign-ins and what runs on their tokens and stops
    /// their spaces. Disabling who is disabled succeeds and changes nothing.
    pub async fn disable_user(
        &self,
        actor: &Actor,
        origin: &Origin,
        user_id: &str,
    ) -> AppResult<Done<User>> {
        actor.require(Permission::ManageUsers)?;
        let mut change = self.store.begin().await?;
        let mut user = named(&change, user_id).await?;
        self.require_above(actor, user.id).await?;
        if user.disabled_at.is_some() {
            return self.already_so(change, user).await;
        }
        let now = self.now();
        user.disabled_at = Some(now);
        change.set_disabled(&user).await?;
        require_manager(&change, "userId").await?;
        change.end_sessions(user.id, now).await?;
        self.request_of_all(&mut change, user.id, Request::Stop, now)
            .await?;
        tell(&mut change, user.id);
        change.audit(origin.entry(actor, "disableUser", user.id, user.name.as_str()));
        let cursor = change.commit(now).await?;
        Ok(Done {
            value: user,
            cursor,
        })
    }

    /// Lets a disabled user sign in again. Their tokens hold again; nothing is started.
    pub async fn enable_user(
        &self,
        actor: &Actor,
        origin: &Origin,
        user_id: &str,
    ) -> AppResult<Done<User>> {
        actor.require(Permission::ManageUsers)?;
        let mut change = self.store.begin().await?;
        let mut user = named(&change, user_id).await?;
        self.require_above(actor, user.id).await?;
        if user.disabled_at.is_none() {
            return self.already_so(change, user).await;
        }
        user.disabled_at = None;
        change.set_disabled(&user).await?;
        tell(&mut change, user.id);
        change.audit(origin.entry(actor, "enableUser", user.id, user.name.as_str()));
        let cursor = change.commit(self.now()).await?;
        Ok(Done {
            value: user,
            cursor,
        })
    }

    /// Deletes a user. All of it happens, or nothing does.
    pub async fn delete_user(
        &self,
        actor: &Actor,
        origin: &Origin,
        user_id: &str,
        estate: Estate,
    ) -> AppResult<Done<User>> {
        actor.require(Permission::ManageUsers)?;
        let mut change = self.store.begin().await?;
        let heir = match &estate {
            Estate::Transfer(name) => {
                let leaving = parsed(user_id)?;
                let heir = self.heir(&change, leaving, name, &HEIR_PATH).await?;
                actor.require_entry(leaving, heir.id())?;
                Some(heir)
            }
            Estate::Refuse | Estate::Delete => None,
        };
        let mut user = named(&change, user_id).await?;
        self.require_above(actor, user.id).await?;
        let now = self.now();
        // Roles are locked before what refers to them, as everywhere.
        change.roles().await?;
        change.delete_user(user.id, now).await?;
        require_manager(&change, "userId").await?;
        match heir {
            Some(heir) => {
                let spaces = change.spaces_of(user.id).await?;
                self.hand_over(&mut change, spaces, &heir, now).await?;
            }
            None if estate == Estate::Delete => {
                self.request_of_all(&mut change, user.id, Request::Delete, now)
                    .await?;
            }
            None => refuse_spaces(&change, user.id).await?,
        }
        self.end_shares_with(&mut change, user.id, now).await?;
        tell(&mut change, user.id);
        change.audit(origin.entry(actor, "deleteUser", user.id, user.name.as_str()));
        let cursor = change.commit(now).await?;
        user.deleted_at = Some(now);
        Ok(Done {
            value: user,
            cursor,
        })
    }

    /// Ends the sharing of others' spaces with a user.
    async fn end_shares_with(
        &self,
        change: &mut Change,
        guest: UserId,
        now: Timestamp,
    ) -> AppResult<()> {
        for mut space in change.spaces_shared_with(guest).await? {
            change.delete_share(space.id, guest).await?;
            space.revision += 1;
            change.update_space(&space, now).await?;
            change
                .tell_space(SpaceChange::Shares, &space, vec![guest])
                .await?;
        }
        Ok(())
    }

    /// Asks the same of every space of a user.
    async fn request_of_all(
        &self,
        change: &mut Change,
        owner: UserId,
        what: Request,
        now: Timestamp,
    ) -> AppResult<()> {
        for mut space in change.spaces_of(owner).await? {
            let decision = request(&space.state, what, now, &self.settings.deadlines);
            if let Decision::Accepted(next) = decision {
                enter(change, &mut space, next, now).await?;
            }
        }
        Ok(())
    }
}

/// What runs with what the user could do before ends.
fn tell(change: &mut Change, user_id: UserId) {
    change.emit(EventBody::Access { user_id });
    change.emit(EventBody::User { user_id });
}

async fn refuse_spaces(change: &Change, owner: UserId) -> AppResult<()> {
    let count = change.spaces_of(owner).await?.len();
    if count == 0 {
        return Ok(());
    }
    let message = format!("the user has {count} spaces: say what becomes of them");
    let problem = Problem::new(ProblemCode::HasSpaces, message);
    Err(problem.at(["spaces"]).into())
}
