//! The spaces of a user who is deleted, in the hands of another.

use spaceport_domain::{
    event::{EventBody, SpaceChange, TunnelChange},
    hostname::{self, TunnelLabel},
    id::UserId,
    problem::{Problem, ProblemCode},
    quota::{self, Limits, Units},
    space::Space,
    time::Timestamp,
    tunnel::Tunnel,
};

use crate::{
    app::{App, AppResult},
    store::{Change, User},
};

/// Where the caller named the heir.
const PATH: [&str; 2] = ["spaces", "transferTo"];

/// Who gets the spaces.
pub(super) struct Heir {
    user: User,
    limits: Limits,
    used: Units,
}

impl App {
    /// The user named `heir`, who gets what belongs to `leaving`. Both are locked, in the order of
    /// their identifiers, so that two transfers never wait for each other.
    pub(super) async fn heir(&self, change: &Change, leaving: &str, heir: &str) -> AppResult<Heir> {
        let no_heir = || Problem::not_found("user").at(PATH);
        let leaving: UserId = leaving
            .parse()
            .map_err(|_| Problem::not_found("user").at(["userId"]))?;
        let known = self.store.user_by_name(heir).await?;
        let id = known.ok_or_else(no_heir)?.id;
        if id == leaving {
            return Err(Problem::input(PATH, "is the user who is deleted").into());
        }
        if leaving < id {
            change.lock_quota(leaving).await?;
        }
        let (limits, used) = change.lock_quota(id).await?.ok_or_else(no_heir)?;
        let user = change.user(id).await?.ok_or_else(no_heir)?;
        if user.disabled_at.is_some() {
            let problem = Problem::new(ProblemCode::InvalidTransition, "the account is disabled");
            return Err(problem.at(PATH).into());
        }
        Ok(Heir { user, limits, used })
    }

    /// Gives every space of `from` to the heir, with its volumes and tunnels. A tunnel's hostname
    /// holds its owner's name, so it changes. Refused whole when a name is taken, a hostname would
    /// be too long, or the heir's quota does not suffice.
    pub(super) async fn hand_over(
        &self,
        change: &mut Change,
        from: UserId,
        heir: &Heir,
        now: Timestamp,
    ) -> AppResult<()> {
        let spaces = change.spaces_of(from).await?;
        let tunnels = change.tunnels_of_owner(from).await?;
        let requested = consumption(&spaces, &tunnels);
        let exceeded = quota::check(&heir.limits, &heir.used, &requested).err();
        let exceeded = exceeded.into_iter().flatten();
        let mut problems: Vec<_> = exceeded.map(|it| Problem::from(it).at(PATH)).collect();
        for space in &spaces {
            problems.extend(obstacle(change, space, &heir.user).await?);
        }
        let mut moved = Vec::with_capacity(tunnels.len());
        for tunnel in tunnels {
            match self.moved_tunnel(change, &tunnel, &heir.user).await? {
                Ok(after) => moved.push((tunnel, after)),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems.into());
        }
        for mut space in spaces {
            space.owner_id = heir.user.id;
            space.revision += 1;
            change.hand_over_space(&space, now).await?;
            change.emit(EventBody::Space {
                change: SpaceChange::Updated,
                space,
            });
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
        let user_id = heir.user.id;
        change.emit(EventBody::User { user_id });
        Ok(())
    }

    async fn moved_tunnel(
        &self,
        change: &Change,
        tunnel: &Tunnel,
        heir: &User,
    ) -> AppResult<Result<Tunnel, Problem>> {
        let label = match TunnelLabel::new(&tunnel.name, &heir.name) {
            Ok(label) => label,
            Err(error) => {
                let message = format!("the tunnel {}: {error}", tunnel.name);
                return Ok(Err(Problem::input(PATH, message)));
            }
        };
        let host = label.under(&self.settings.tunnel_domain);
        if change.host_taken(&host).await? {
            let message = format!("they have a tunnel named {}", tunnel.name);
            return Ok(Err(Problem::new(ProblemCode::NameTaken, message).at(PATH)));
        }
        Ok(Ok(Tunnel {
            owner_id: heir.id,
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

/// Why `heir` can't have a space of this name.
async fn obstacle(change: &Change, space: &Space, heir: &User) -> AppResult<Option<Problem>> {
    if let Err(error) = hostname::apps_fit(&space.name, &heir.name) {
        let message = format!("the space {}: {error}", space.name);
        return Ok(Some(Problem::input(PATH, message)));
    }
    if change.space_name_taken(heir.id, &space.name).await? {
        let message = format!("they have a space named {}", space.name);
        return Ok(Some(Problem::new(ProblemCode::NameTaken, message).at(PATH)));
    }
    Ok(None)
}
