//! Public hostnames for ports of spaces.

use std::collections::BTreeSet;

use spaceport_domain::{
    access::{Actor, FeatureBar, feature_bar},
    event::{EventBody, TunnelChange},
    hostname::TunnelLabel,
    id::TunnelId,
    name::TunnelName,
    problem::{Problem, ProblemCode},
    quota::{self, Units},
    space::Space,
    template::Feature,
    tunnel::Tunnel,
};
use uuid::Uuid;

use super::{
    App, AppResult, Done, Origin,
    spaces::{no_such_space, refuse_leaving, still_managed},
};
use crate::store::{Page, PageRequest};

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
        let owner = change.user(space.owner_id).await?;
        let owner = owner.ok_or_else(no_such_space)?;
        refuse_leaving(&space)?;
        let version = change.template_version(space.template_version_id).await?;
        let enabled = version
            .map(|version| version.blueprint.features)
            .unwrap_or_default();
        require_tunnels(actor, &space, &enabled)?;
        if change.tunnels_of_space(space.id).await?.len() >= TUNNELS_MAX {
            let message = format!("the space has {TUNNELS_MAX} tunnels, the most possible");
            return Err(Problem::input(["spaceId"], message).into());
        }
        let label = TunnelLabel::new(&name, &owner.name)
            .map_err(|error| Problem::input(["name"], error.to_string()))?;
        let host = label.under(&self.settings.tunnel_domain);
        if change.host_taken(&host).await? {
            let message = "there is a tunnel of this name";
            return Err(Problem::new(ProblemCode::NameTaken, message)
                .at(["name"])
                .into());
        }
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

    /// Takes a tunnel away.
    pub async fn delete_tunnel(
        &self,
        actor: &Actor,
        origin: &Origin,
        tunnel_id: &str,
    ) -> AppResult<Done<Tunnel>> {
        let missing = || Problem::not_found("tunnel").at(["tunnelId"]);
        let id: TunnelId = tunnel_id.parse().map_err(|_| missing())?;
        let tunnel = self
            .store
            .tunnel(actor.sees(), id)
            .await?
            .ok_or_else(missing)?;
        let mut change = self.store.begin().await?;
        change.lock_quota(tunnel.owner_id).await?;
        if !change.delete_tunnel(id).await? {
            return Err(missing().into());
        }
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
}

/// Who manages a space, but may not enter it, makes no way in for themselves either.
fn require_tunnels(
    actor: &Actor,
    space: &Space,
    enabled: &BTreeSet<Feature>,
) -> Result<(), Problem> {
    let relation = actor.relation_to(space.owner_id, false);
    let relation = relation.ok_or_else(no_such_space)?;
    let (code, message) = match feature_bar(Feature::Tunnels, enabled, &actor.permissions, relation)
    {
        None => return Ok(()),
        Some(FeatureBar::TemplateDisabled | FeatureBar::NotSupported) => (
            ProblemCode::FeatureDisabled,
            "the space's template doesn't enable tunnels",
        ),
        Some(FeatureBar::NotShared | FeatureBar::PermissionMissing) => (
            ProblemCode::Forbidden,
            "your roles don't allow you tunnels into this space",
        ),
    };
    Err(Problem::new(code, message).at(["spaceId"]))
}

fn checked(space: &Space, input: &CreateTunnel) -> Result<(u16, TunnelName), Vec<Problem>> {
    let port = u16::try_from(input.port).ok().filter(|port| *port > 0);
    let name = match &input.name {
        Some(name) => name.parse::<TunnelName>(),
        None => format!("{}-{}", space.name, input.port).parse(),
    };
    match (port, name) {
        (Some(port), Ok(name)) => Ok((port, name)),
        (port, name) => {
            let port = port
                .is_none()
                .then(|| Problem::input(["port"], "must be from 1 to 65535"));
            let name = name
                .err()
                .map(|error| Problem::input(["name"], error.to_string()));
            Err(port.into_iter().chain(name).collect())
        }
    }
}
