//! Sharing spaces with others, and handing them over.

use std::collections::BTreeMap;

use spaceport_domain::{
    access::{Actor, Permission},
    event::{EventBody, SpaceChange, TunnelChange},
    hostname::{self, TunnelLabel},
    id::UserId,
    problem::{Problem, ProblemCode},
    quota::{self, Limits, Units},
    share::{SHARES_MAX, Share},
    space::Space,
    tunnel::Tunnel,
};

use super::{
    App, AppResult, Done, Origin,
    spaces::{exceeded, refuse_leaving, still_managed},
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
        let mut change = self.store.begin().await?;
        let mut space = self.lock_shared(&change, &seen).await?;
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
        let seen = self.managed_space(actor, space_id).await?;
        let heir = self.store.user_by_name(user_name).await?;
        let heir = heir.ok_or_else(no_such_user)?;
        let mut change = self.store.begin().await?;
        if heir.id == seen.owner_id {
            return self.already_so(change, seen).await;
        }
        let mut quotas = lock_quotas(&change, [seen.owner_id, heir.id]).await?;
        let mut space = still_managed(change.space(seen.id).await?, &seen)?;
        refuse_leaving(&space)?;
        self.check_heir(&change, &heir, &space).await?;
        let tunnels = change.tunnels_of_space(space.id).await?;
        let moved = self.renamed_tunnels(&change, &tunnels, &heir).await?;
        let (limits, used) = quotas.remove(&heir.id).ok_or_else(no_such_user)?;
        quota::check(&limits, &used, &consumed(&space, tunnels.len())).map_err(exceeded)?;
        let now = self.now();
        let former = std::mem::replace(&mut space.owner_id, heir.id);
        space.revision += 1;
        change.delete_share(space.id, heir.id).await?;
        change.hand_over(&space, now).await?;
        change
            .tell_space(SpaceChange::Owner, &space, vec![former])
            .await?;
        for (old, new) in tunnels.into_iter().zip(moved) {
            change.move_tunnel(&new).await?;
            change.emit(EventBody::Tunnel {
                change: TunnelChange::Deleted,
                tunnel: old,
            });
            change.emit(EventBody::Tunnel {
                change: TunnelChange::Created,
                tunnel: new,
            });
        }
        change.audit(origin.entry(actor, "transferSpace", space.id, heir.name.as_str()));
        let cursor = change.commit(now).await?;
        Ok(Done {
            value: space,
            cursor,
        })
    }

    /// Whether a user may own a space, under its name.
    async fn check_heir(&self, change: &Change, heir: &User, space: &Space) -> AppResult<()> {
        let refused = |message: String| Problem::input(["userName"], message);
        let rights = self.store.actor(heir.id).await?;
        if !rights.is_some_and(|rights| rights.may(Permission::CreateSpaces)) {
            return Err(refused("may not have spaces of their own".to_owned()).into());
        }
        if let Err(error) = hostname::apps_fit(&space.name, &heir.name) {
            return Err(refused(format!("with the space's name {error}")).into());
        }
        if change.space_name_taken(heir.id, &space.name).await? {
            let message = "they have a space of this name";
            return Err(Problem::new(ProblemCode::NameTaken, message)
                .at(["userName"])
                .into());
        }
        Ok(())
    }

    /// The same tunnels, as `heir`'s.
    async fn renamed_tunnels(
        &self,
        change: &Change,
        tunnels: &[Tunnel],
        heir: &User,
    ) -> AppResult<Vec<Tunnel>> {
        let mut moved = Vec::with_capacity(tunnels.len());
        for tunnel in tunnels {
            let label = TunnelLabel::new(&tunnel.name, &heir.name).map_err(|error| {
                let message = format!("with the tunnel {} {error}", tunnel.name);
                Problem::input(["userName"], message)
            })?;
            let host = label.under(&self.settings.tunnel_domain);
            if change.host_taken(&host).await? {
                let message = format!("they have a tunnel named {}", tunnel.name);
                let problem = Problem::new(ProblemCode::NameTaken, message);
                return Err(problem.at(["userName"]).into());
            }
            moved.push(Tunnel {
                owner_id: heir.id,
                host,
                ..tunnel.clone()
            });
        }
        Ok(moved)
    }

    /// Locks a space for a change of its shares. Its owner's row is locked first, as everywhere.
    async fn lock_shared(&self, change: &Change, seen: &Space) -> AppResult<Space> {
        change.lock_quota(seen.owner_id).await?;
        Ok(still_managed(change.space(seen.id).await?, seen)?)
    }

    async fn already_so(&self, change: Change, space: Space) -> AppResult<Done<Space>> {
        change.abandon().await?;
        Ok(Done {
            value: space,
            cursor: self.store.current_head().await?,
        })
    }
}

/// Locks the rows of two users in the order of their identifiers, so that two changes never wait
/// for each other. Who doesn't exist is left out.
async fn lock_quotas(
    change: &Change,
    mut users: [UserId; 2],
) -> AppResult<BTreeMap<UserId, (Limits, Units)>> {
    users.sort_unstable();
    let mut quotas = BTreeMap::new();
    for user in users {
        if let Some(quota) = change.lock_quota(user).await? {
            quotas.insert(user, quota);
        }
    }
    Ok(quotas)
}

/// What a space with so many tunnels consumes as it is.
fn consumed(space: &Space, tunnels: usize) -> Units {
    let computes = space.state.status.consumes_compute();
    Units {
        spaces: 1,
        compute_units: if computes { space.compute_units } else { 0 },
        storage_units: space.storage_units,
        tunnels: i64::try_from(tunnels).unwrap_or(i64::MAX),
    }
}
