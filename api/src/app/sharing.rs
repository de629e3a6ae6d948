//! Sharing spaces with others, and handing them over.

use spaceport_domain::{
    access::{Actor, Permission},
    event::SpaceChange,
    problem::{Problem, ProblemCode},
    share::{SHARES_MAX, Share},
    space::Space,
};

use super::{
    App, AppError, AppResult, Done, Origin,
    spaces::{no_such_space, refuse_leaving, still_managed},
};
use crate::store::{Change, User};

fn no_such_user() -> Problem {
    Problem::not_found("user").at(["userName"])
}

impl App {
    /// Lets another user see a space and use its terminal and SSH.
    pub async fn share_space(
        &self,
        actor: &Actor,
        origin: &Origin,
        space_id: &str,
        user_name: &str,
    ) -> AppResult<Done<Space>> {
        actor.require(Permission::ShareSpaces)?;
        let seen = self.managed_space(actor, space_id).await?;
        let guest = self.store.user_by_name(user_name).await?;
        let guest = guest.ok_or_else(no_such_user)?;
        actor.require_entry(seen.owner_id, guest.id)?;
        let mut change = self.store.begin().await?;
        // Both are locked, in the order of their identifiers, as everywhere: the guest may be
        // leaving for good at this moment.
        if guest.id < seen.owner_id {
            change.user(guest.id).await?;
        }
        let mut space = self.lock_shared(&change, &seen).await?;
        let guest = change.user(guest.id).await?.ok_or_else(no_such_user)?;
        refuse_leaving(&space)?;
        if guest.id == space.owner_id {
            return Err(Problem::input(["userName"], "owns the space").into());
        }
        let shares = change.shares_of_space(space.id).await?;
        if shares.iter().any(|share| share.user_id == guest.id) {
            return self.already_so(change, space).await;
        }
        if shares.len() >= SHARES_MAX {
            let message = format!("the space is shared with {SHARES_MAX} users, the most possible");
            return Err(Problem::input(["userName"], message).into());
        }
        let now = self.now();
        let share = Share {
            space_id: space.id,
            user_id: guest.id,
            created_at: now,
        };
        change.insert_share(&share).await?;
        space.revision += 1;
        change.update_space(&space, now).await?;
        change
            .tell_space(SpaceChange::Shares, &space, Vec::new())
            .await?;
        change.audit(origin.entry(actor, "shareSpace", space.id, guest.name.as_str()));
        let cursor = change.commit(now).await?;
        Ok(Done {
            value: space,
            cursor,
        })
    }

    /// Ends the sharing of a space with a user. Whom it is shared with may end that themselves.
    pub async fn unshare_space(
        &self,
        actor: &Actor,
        origin: &Origin,
        space_id: &str,
        user_name: &str,
    ) -> AppResult<Done<Space>> {
        let seen = if user_name == actor.user_name {
            self.seen_space(actor, space_id).await?
        } else {
            self.managed_space(actor, space_id).await?
        };
        let guest = self.store.user_by_name(user_name).await?;
        let guest = guest.ok_or_else(no_such_user)?;
        self.end_share(actor, origin, "unshareSpace", &seen, &guest)
            .await
    }

    /// Ends the sharing of a space with the actor.
    pub async fn leave_space(
        &self,
        actor: &Actor,
        origin: &Origin,
        space_id: &str,
    ) -> AppResult<Done<Space>> {
        let seen = self.seen_space(actor, space_id).await?;
        if seen.owner_id == actor.user_id {
            let message = "it is your own; transfer or delete it";
            return Err(Problem::input(["spaceId"], message).into());
        }
        let guest = self.viewer(actor).await?;
        self.end_share(actor, origin, "leaveSpace", &seen, &guest)
            .await
    }

    async fn end_share(
        &self,
        actor: &Actor,
        origin: &Origin,
        action: &'static str,
        seen: &Space,
        guest: &User,
    ) -> AppResult<Done<Space>> {
        let mut change = self.store.begin().await?;
        let mut space = self.lock_shared(&change, seen).await?;
        if !change.delete_share(space.id, guest.id).await? {
            return self.already_so(change, space).await;
        }
        let now = self.now();
        space.revision += 1;
        change.update_space(&space, now).await?;
        change
            .tell_space(SpaceChange::Shares, &space, vec![guest.id])
            .await?;
        change.audit(origin.entry(actor, action, space.id, guest.name.as_str()));
        let cursor = change.commit(now).await?;
        Ok(Done {
            value: space,
            cursor,
        })
    }

    /// Makes another user the owner of a space, with its volumes and tunnels, in the state it is
    /// in. What it consumes, the new owner consumes from then on. Its tunnels get the hostnames
    /// their new owner gives them.
    pub async fn transfer_space(
        &self,
        actor: &Actor,
        origin: &Origin,
        space_id: &str,
        user_name: &str,
    ) -> AppResult<Done<Space>> {
        actor.require(Permission::ShareSpaces)?;
        let seen = self.managed_space(actor, space_id).await?;
        let owner = self.store.users_by_id(&[seen.owner_id]).await?;
        let mut change = self.store.begin().await?;
        if owner.iter().any(|owner| owner.name.as_str() == user_name) {
            return self.already_so(change, seen).await;
        }
        let heir = self
            .heir(&change, seen.owner_id, user_name, &["userName"])
            .await
            .map_err(|error| discreet(actor, error))?;
        actor.require_entry(seen.owner_id, heir.id())?;
        let space = still_managed(change.space(seen.id).await?, &seen)?;
        refuse_leaving(&space)?;
        let now = self.now();
        let id = space.id;
        let mut handed = self
            .hand_over(&mut change, vec![space], &heir, now)
            .await
            .map_err(|error| discreet(actor, error))?;
        change.audit(origin.entry(actor, "transferSpace", id, heir.name()));
        let cursor = change.commit(now).await?;
        let space = handed.pop().ok_or_else(no_such_space)?;
        Ok(Done {
            value: space,
            cursor,
        })
    }

    /// Locks a space for a change of its shares. Its owner's row is locked first, as everywhere.
    async fn lock_shared(&self, change: &Change, seen: &Space) -> AppResult<Space> {
        change.lock_quota(seen.owner_id).await?;
        Ok(still_managed(change.space(seen.id).await?, seen)?)
    }
}

/// Why somebody can't take a space over is told to who may know about users. To others it would
/// tell what the heir has and may.
fn discreet(actor: &Actor, error: AppError) -> AppError {
    match error {
        AppError::Refused(problems)
            if !actor.may(Permission::ManageUsers)
                && problems.iter().all(|it| it.code != ProblemCode::NotFound) =>
        {
            let message = "they can't take the space over as it is: ask them, or an administrator";
            let problem = Problem::new(ProblemCode::InvalidTransition, message);
            problem.at(["userName"]).into()
        }
        error => error,
    }
}
