//! Public hostnames for ports of spaces.

use spaceport_domain::{
    access::Actor,
    agent,
    event::{EventBody, TunnelChange},
    hostname::TunnelLabel,
    id::{TunnelId, UserId},
    name::{NameError, TunnelName},
    problem::{Problem, ProblemCode},
    quota::{self, Units},
    space::Space,
    template::Feature,
    tunnel::Tunnel,
};
use uuid::Uuid;

use super::{
    App, AppResult, Done, Origin,
    features::require_feature,
    spaces::{no_such_space, refuse_leaving, still_managed},
};
use crate::store::{Change, Page, PageRequest};

/// The most tunnels into one space.
const TUNNELS_MAX: usize = 100;

/// A tunnel as somebody wants it.
#[derive(Clone, Debug)]
pub struct CreateTunnel {
    /// The space, as the caller spelled it.
    pub space_id: String,
    /// The port inside the space.
    pub port: i64,
    /// Its name; by default `<space>-<port>`.
    pub name: Option<String>,
    /// Whether visitors are let in.
    pub enabled: bool,
}

/// Changes of a tunnel; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct UpdateTunnel {
    /// Its new name, which makes a new hostname.
    pub name: Option<String>,
    /// Another port inside the space.
    pub port: Option<i64>,
    /// Whether visitors are let in.
    pub enabled: Option<bool>,
}

impl App {
    /// A page of the tunnels `actor` may see.
    pub async fn tunnels(&self, actor: &Actor, page: PageRequest) -> AppResult<Page<Tunnel>> {
        Ok(self.store.tunnels(actor.sees(), page).await?)
    }

    /// The tunnel, when `actor` may see it.
    pub async fn tunnel(&self, actor: &Actor, id: TunnelId) -> AppResult<Option<Tunnel>> {
        Ok(self.store.tunnel(actor.sees(), id).await?)
    }

    /// Makes a public hostname for one port of a space.
    pub async fn create_tunnel(
        &self,
        actor: &Actor,
        origin: &Origin,
        input: CreateTunnel,
    ) -> AppResult<Done<Tunnel>> {
        let seen = self.managed_space(actor, &input.space_id).await?;
        let (port, name) = checked(&seen, &input)?;
        let mut change = self.store.begin().await?;
        let Some((limits, used)) = change.lock_quota(seen.owner_id).await? else {
            return Err(no_such_space().into());
        };
        let space = still_managed(change.space(seen.id).await?, &seen)?;
        refuse_leaving(&space)?;
        require_tunnels(actor, &change, &space, port, "spaceId").await?;
        if change.tunnels_of_space(space.id).await?.len() >= TUNNELS_MAX {
            let message = format!("the space has {TUNNELS_MAX} tunnels, the most possible");
            return Err(Problem::input(["spaceId"], message).into());
        }
        let host = self.free_host(&change, space.owner_id, &name).await?;
        let requested = Units {
            tunnels: 1,
            ..Units::default()
        };
        quota::check(&limits, &used, &requested)
            .map_err(|all| all.into_iter().map(Problem::from).collect::<Vec<_>>())?;
        let now = self.now();
        let tunnel = Tunnel {
            id: TunnelId::new(Uuid::now_v7()),
            space_id: space.id,
            owner_id: space.owner_id,
            name,
            port,
            host,
            enabled: input.enabled,
            created_at: now,
        };
        change.insert_tunnel(&tunnel).await?;
        change.emit(EventBody::Tunnel {
            change: TunnelChange::Created,
            tunnel: tunnel.clone(),
        });
        change.audit(origin.entry(actor, "createTunnel", tunnel.id, &tunnel.host));
        let cursor = change.commit(now).await?;
        Ok(Done {
            value: tunnel,
            cursor,
        })
    }

    /// Renames, enables or disables a tunnel, or leads it to another port. What is so already is
    /// no change. Who only disables it needs no more right than who deletes it; for everything else
    /// the rule is that of making one.
    pub async fn update_tunnel(
        &self,
        actor: &Actor,
        origin: &Origin,
        tunnel_id: &str,
        input: UpdateTunnel,
    ) -> AppResult<Done<Tunnel>> {
        let seen = self.seen_tunnel(actor, tunnel_id).await?;
        let (port, name) = checked_changes(&input)?;
        let mut change = self.store.begin().await?;
        let before = locked(&change, &seen).await?;
        let mut after = Tunnel {
            name: name.unwrap_or_else(|| before.name.clone()),
            port: port.unwrap_or(before.port),
            enabled: input.enabled.unwrap_or(before.enabled),
            ..before.clone()
        };
        let only_closes = Tunnel {
            enabled: false,
            ..before.clone()
        };
        if after != only_closes {
            let space = change.space(before.space_id).await?;
            let space = space.ok_or_else(no_such_tunnel)?;
            require_tunnels(actor, &change, &space, after.port, "tunnelId").await?;
        }
        if after == before {
            return self.already_so(change, before).await;
        }
        if after.name != before.name {
            after.host = self.free_host(&change, after.owner_id, &after.name).await?;
        }
        change.update_tunnel(&after).await?;
        change.emit(EventBody::Tunnel {
            change: TunnelChange::Updated,
            tunnel: after.clone(),
        });
        let detail = difference(&before, &after);
        change.audit(origin.entry(actor, "updateTunnel", after.id, detail));
        let cursor = change.commit(self.now()).await?;
        Ok(Done {
            value: after,
            cursor,
        })
    }

    /// Takes a tunnel away.
    pub async fn delete_tunnel(
        &self,
        actor: &Actor,
        origin: &Origin,
        tunnel_id: &str,
    ) -> AppResult<Done<Tunnel>> {
        let seen = self.seen_tunnel(actor, tunnel_id).await?;
        let mut change = self.store.begin().await?;
        let tunnel = locked(&change, &seen).await?;
        change.delete_tunnel(tunnel.id).await?;
        change.emit(EventBody::Tunnel {
            change: TunnelChange::Deleted,
            tunnel: tunnel.clone(),
        });
        change.audit(origin.entry(actor, "deleteTunnel", tunnel.id, &tunnel.host));
        let cursor = change.commit(self.now()).await?;
        Ok(Done {
            value: tunnel,
            cursor,
        })
    }

    async fn seen_tunnel(&self, actor: &Actor, tunnel_id: &str) -> AppResult<Tunnel> {
        let id: TunnelId = tunnel_id.parse().map_err(|_| no_such_tunnel())?;
        let tunnel = self.store.tunnel(actor.sees(), id).await?;
        Ok(tunnel.ok_or_else(no_such_tunnel)?)
    }

    /// The hostname of a tunnel of that name, when no other has it. The owner must be locked.
    async fn free_host(
        &self,
        change: &Change,
        owner: UserId,
        name: &TunnelName,
    ) -> AppResult<String> {
        let owner = change.user(owner).await?.ok_or_else(no_such_space)?;
        let label = TunnelLabel::new(name, &owner.name)
            .map_err(|error| Problem::input(["name"], error.to_string()))?;
        let host = label.under(&self.settings.tunnel_domain);
        if change.host_taken(&host).await? {
            let message = "there is a tunnel of this name";
            return Err(Problem::new(ProblemCode::NameTaken, message)
                .at(["name"])
                .into());
        }
        Ok(host)
    }
}

fn no_such_tunnel() -> Problem {
    Problem::not_found("tunnel").at(["tunnelId"])
}

/// The tunnel as it is now, its owner locked, unless it was handed over since it was `seen`: who
/// may change it was decided by its owner of then.
async fn locked(change: &Change, seen: &Tunnel) -> AppResult<Tunnel> {
    change.lock_quota(seen.owner_id).await?;
    let tunnel = change.tunnel(seen.id).await?;
    let theirs = tunnel.filter(|tunnel| tunnel.owner_id == seen.owner_id);
    Ok(theirs.ok_or_else(no_such_tunnel)?)
}

/// Who manages a space, but may not enter it, makes no way in for themselves either; and nobody makes
/// one to a `port` whose app takes a sign-in. `path` is the input field that names the space or what
/// leads into it.
async fn require_tunnels(
    actor: &Actor,
    change: &Change,
    space: &Space,
    port: u16,
    path: &str,
) -> AppResult<()> {
    let version = change.template_version(space.template_version_id).await?;
    let blueprint = version.ok_or_else(no_such_space)?.blueprint;
    let required = require_feature(actor, space, false, Feature::Tunnels, &blueprint.features);
    required.map_err(|problem| problem.at([path]))?;
    match blueprint.offer().kept_for(port) {
        None => Ok(()),
        Some(feature) => {
            let message = format!(
                "is where the space serves {}, which takes a sign-in; a template that declares the \
                 port offers it to tunnels",
                feature.as_str()
            );
            Err(Problem::input(["port"], message).into())
        }
    }
}

fn checked(space: &Space, input: &CreateTunnel) -> Result<(u16, TunnelName), Vec<Problem>> {
    let name = match &input.name {
        Some(name) => checked_name(name),
        None => checked_name(&format!("{}-{}", space.name, input.port)),
    };
    both(checked_port(input.port), name)
}

type Changes = (Option<u16>, Option<TunnelName>);

fn checked_changes(input: &UpdateTunnel) -> Result<Changes, Vec<Problem>> {
    let name = input.name.as_deref().map(checked_name).transpose();
    both(input.port.map(checked_port).transpose(), name)
}

fn checked_port(port: i64) -> Result<u16, Problem> {
    let mistake = |what: &str| Problem::input(["port"], what);
    match u16::try_from(port) {
        Ok(agent::PORT) => Err(mistake("is the port of the space's agent")),
        Ok(port) if port > 0 => Ok(port),
        _ => Err(mistake("must be from 1 to 65535")),
    }
}

fn checked_name(name: &str) -> Result<TunnelName, Problem> {
    name.parse()
        .map_err(|error: NameError| Problem::input(["name"], error.to_string()))
}

/// Both values, or all that is wrong with them.
fn both<A, B>(one: Result<A, Problem>, other: Result<B, Problem>) -> Result<(A, B), Vec<Problem>> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (one, other) => Err(one.err().into_iter().chain(other.err()).collect()),
    }
}

/// What a change did, for the audit log.
fn difference(before: &Tunnel, after: &Tunnel) -> String {
    let renamed = (after.host != before.host).then(|| format!("was {}", before.host));
    let moved = (after.port != before.port).then(|| format!("port {}", after.port));
    let switched = if after.enabled { "enabled" } else { "disabled" };
    let switched = (after.enabled != before.enabled).then(|| switched.to_owned());
    let parts = [Some(after.host.clone()), renamed, moved, switched];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
