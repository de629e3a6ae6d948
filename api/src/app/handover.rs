//! Spaces in the hands of another owner: one that is transferred, or all of a user who leaves.

use spaceport_domain::{
    access::Permission,
    event::{EventBody, SpaceChange, TunnelChange},
    hostname::{self, TunnelLabel},
    id::UserId,
    problem::{Problem, ProblemCode},
    quota::{self, Limits, Units},
    space::Space,
    time::Timestamp,
    tunnel::Tunnel,
};

use super::{App, AppResult};
use crate::store::{Change, User};

/// Who gets the spaces, locked until the change ends.
pub(super) struct Heir {
    user: User,
    limits: Limits,
    used: Units,
    /// The input field that names them.
    path: &'static [&'static str],
}

impl Heir {
    /// The name of the user.
    pub(super) fn name(&self) -> &str {
        self.user.name.as_str()
    }

    /// The user.
    pub(super) fn id(&self) -> UserId {
        self.user.id
    }

    fn refusal(&self, code: ProblemCode, message: String) -> Problem {
        Problem::new(code, message).at(self.path.iter().copied())
    }
}

impl App {
    /// The user named `heir` at `path`, who gets what belongs to `former`. Both are locked, in the
    /// order of their identifiers, so that two changes never wait for each other.
    pub(super) async fn heir(
        &self,
        change: &Change,
        former: UserId,
        heir: &str,
        path: &'static [&'static str],
    ) -> AppResult<Heir> {
        let no_heir = || Problem::not_found("user").at(path.iter().copied());
        let known = self.store.user_by_name(heir).await?;
        let id = known.ok_or_else(no_heir)?.id;
        if id == former {
            let message = "is the owner already";
            return Err(Problem::input(path.iter().copied(), message).into());
        }
        if former < id {
            change.lock_quota(former).await?;
        }
        let (limits, used) = change.lock_quota(id).await?.ok_or_else(no_heir)?;
        if id < former {
            change.lock_quota(former).await?;
        }
        let heir = Heir {
            user: change.user(id).await?.ok_or_else(no_heir)?,
            limits,
            used,
            path,
        };
        if heir.user.disabled_at.is_some() {
            let message = "the account is disabled".to_owned();
            return Err(heir.refusal(ProblemCode::InvalidTransition, message).into());
        }
        let rights = self.store.actor(id).await?;
        if !rights.is_some_and(|rights| rights.may(Permission::CreateSpaces)) {
            let message = "may not have spaces of their own".to_owned();
            return Err(heir.refusal(ProblemCode::InvalidInput, message).into());
        }
        Ok(heir)
    }

    /// Gives `spaces` to the heir, with their volumes and tunnels, in the state they are in. A
    /// tunnel's hostname holds its owner's name, so it changes. Refused whole when a name is
    /// taken, a hostname would be too long, or the heir's quota does not suffice.
    pub(super) async fn hand_over(
        &self,
        change: &mut Change,
        spaces: Vec<Space>,
        heir: &Heir,
        now: Timestamp,
    ) -> AppResult<Vec<Space>> {
        let ids: Vec<_> = spaces.iter().map(|space| space.id).collect();
        let tunnels = change.tunnels_of_spaces(&ids).await?;
        let requested = consumption(&spaces, &tunnels);
        let exceeded = quota::check(&heir.limits, &heir.used, &requested).err();
        let exceeded = exceeded.into_iter().flatten();
        let at_heir = |it| Problem::from(it).at(heir.path.iter().copied());
        let mut problems: Vec<_> = exceeded.map(at_heir).collect();
        for space in &spaces {
            problems.extend(obstacle(change, space, heir).await?);
        }
        let mut moved = Vec::with_capacity(tunnels.len());
        for tunnel in tunnels {
            match self.moved_tunnel(change, &tunnel, heir).await? {
                Ok(after) => moved.push((tunnel, after)),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems.into());
        }
        let mut handed = Vec::with_capacity(spaces.len());
        for mut space in spaces {
            let former = std::mem::replace(&mut space.owner_id, heir.user.id);
            space.revision += 1;
            change.hand_over_space(&space, now).await?;
            change.delete_share(space.id, heir.user.id).await?;
            change
                .tell_space(SpaceChange::Owner, &space, vec![former])
                .await?;
            handed.push(space);
        }
        for (before, after) in moved {
            change.hand_over_tunnel(&after).await?;
            change.emit(EventBody::Tunnel {
                change: TunnelChange::Deleted,
                tunnel: before,
            });
            change.emit(EventBody::Tunnel {
                change: TunnelChange::Created,
                tunnel: after,
            });
        }
        Ok(handed)
    }

    async fn moved_tunnel(
        &self,
        change: &Change,
        tunnel: &Tunnel,
        heir: &Heir,
    ) -> AppResult<Result<Tunnel, Problem>> {
        let label = match TunnelLabel::new(&tunnel.name, &heir.user.name) {
            Ok(label) => label,
            Err(error) => {
                let message = format!("the tunnel {}: {error}", tunnel.name);
                return Ok(Err(heir.refusal(ProblemCode::InvalidInput, message)));
            }
        };
        let host = label.under(&self.settings.tunnel_domain);
        if change.host_taken(&host).await? {
            let message = format!("they have a tunnel named {}", tunnel.name);
            return Ok(Err(heir.refusal(ProblemCode::NameTaken, message)));
        }
        Ok(Ok(Tunnel {
            owner_id: heir.user.id,
            host,
            ..tunnel.clone()
        }))
    }
}

/// What the heir consumes in addition.
fn consumption(spaces: &[Space], tunnels: &[Tunnel]) -> Units {
    let consuming = spaces
        .iter()
        .filter(|space| space.state.status.consumes_compute());
    Units {
        spaces: i64::try_from(spaces.len()).unwrap_or(i64::MAX),
        compute_units: consuming.map(|space| space.compute_units).sum(),
        storage_units: spaces.iter().map(|space| space.storage_units).sum(),
        tunnels: i64::try_from(tunnels.len()).unwrap_or(i64::MAX),
    }
}

/// Why the heir can't have a space of this name.
async fn obstacle(change: &Change, space: &Space, heir: &Heir) -> AppResult<Option<Problem>> {
    if let Err(error) = hostname::apps_fit(&space.name, &heir.user.name) {
        let message = format!("the space {}: {error}", space.name);
        return Ok(Some(heir.refusal(ProblemCode::InvalidInput, message)));
    }
    if change.space_name_taken(heir.user.id, &space.name).await? {
        let message = format!("they have a space named {}", space.name);
        return Ok(Some(heir.refusal(ProblemCode::NameTaken, message)));
    }
    Ok(None)
}
