//! The feed from the control plane to the edge.

use async_graphql::{ID, SimpleObject};
use spaceport_domain::route;

use super::{
    enums::{Feature, Permission, RouteChange, SpaceStatus},
    template::Port,
};

/// A message of the route feed. Only the edge may read it.
#[derive(SimpleObject)]
pub struct RouteEvent {
    /// Position in the event log; send it as `after` to resume.
    cursor: String,
    /// How to apply `spaces` and `people`.
    change: RouteChange,
    /// The spaces whose routes are given.
    spaces: Vec<SpaceRoutes>,
    /// The people of whom is told what they may do.
    people: Vec<PersonRoutes>,
}

/// All routes into one space.
#[derive(SimpleObject)]
pub struct SpaceRoutes {
    /// The space.
    space_id: ID,
    /// Its name.
    space_name: String,
    /// Whose it is.
    owner_id: ID,
    /// The owner's name, which is part of the hostnames of the space's apps.
    owner_name: String,
    /// Whom it is shared with.
    shared_with: Vec<ID>,
    /// Where it is in its life; only a running space is dialled.
    status: SpaceStatus,
    /// The container's address in the engine's network, while it has one.
    address: Option<String>,
    /// How its agent is reached, while it runs and has one.
    agent: Option<AgentRoute>,
    /// What the version of the template it is pinned to enables.
    features: Vec<Feature>,
    /// The ports that version declares.
    ports: Vec<Port>,
    /// The public hostnames into it that are enabled.
    tunnels: Vec<TunnelRoute>,
}

/// How the agent of a running space is reached, at the space's address.
#[derive(SimpleObject)]
pub struct AgentRoute {
    /// The port.
    port: i32,
    /// What the agent believes the edge by: 64 hexadecimal digits, others with each start.
    secret: String,
}

/// A public hostname for one port of a space.
#[derive(SimpleObject)]
pub struct TunnelRoute {
    /// The tunnel.
    id: ID,
    /// The whole hostname, in lower case, without a port.
    host: String,
    /// The port inside the space.
    port: i32,
}

/// What somebody may do in spaces, and how they are known.
#[derive(SimpleObject)]
pub struct PersonRoutes {
    /// Who.
    user_id: ID,
    /// What their roles allow, together; nothing while they may not act.
    permissions: Vec<Permission>,
    /// Their sign-ins and tokens that hold; none while they may not act.
    sign_ins: Vec<ID>,
    /// Their SSH keys; none while they may not act.
    ssh_keys: Vec<SshKeyRoute>,
}

/// An SSH key that somebody is known by.
#[derive(SimpleObject)]
pub struct SshKeyRoute {
    /// The key.
    id: ID,
    /// Algorithm and key, as in an `authorized_keys` file, without options and comment.
    public_key: String,
}

impl From<route::RouteEvent> for RouteEvent {
    fn from(event: route::RouteEvent) -> Self {
        Self {
            cursor: event.cursor,
            change: event.change.into(),
            spaces: event.spaces.into_iter().map(SpaceRoutes::from).collect(),
            people: event.people.into_iter().map(PersonRoutes::from).collect(),
        }
    }
}

impl From<route::SpaceRoutes> for SpaceRoutes {
    fn from(routes: route::SpaceRoutes) -> Self {
        let tunnels = routes.tunnels.into_iter().map(|tunnel| TunnelRoute {
            id: ID(tunnel.id.to_string()),
            host: tunnel.host,
            port: tunnel.port.into(),
        });
        let shared_with = routes.shared_with.iter().map(|user| ID(user.to_string()));
        Self {
            space_id: ID(routes.space_id.to_string()),
            space_name: routes.space_name,
            owner_id: ID(routes.owner_id.to_string()),
            owner_name: routes.owner_name,
            shared_with: shared_with.collect(),
            status: routes.status.into(),
            address: routes.address.map(|address| address.to_string()),
            agent: routes.agent.map(|agent| AgentRoute {
                port: agent.port.into(),
                secret: agent.secret.reveal(),
            }),
            features: routes.features.into_iter().map(Feature::from).collect(),
            ports: routes.ports.into_iter().map(Port::from).collect(),
            tunnels: tunnels.collect(),
        }
    }
}

impl From<route::PersonRoutes> for PersonRoutes {
    fn from(person: route::PersonRoutes) -> Self {
        let permissions = person.permissions.into_iter().map(Permission::from);
        let ssh_keys = person.ssh_keys.into_iter().map(|key| SshKeyRoute {
            id: ID(key.id.to_string()),
            public_key: key.public_key,
        });
        Self {
            user_id: ID(person.user_id.to_string()),
            permissions: permissions.collect(),
            sign_ins: person.sign_ins.into_iter().map(ID).collect(),
            ssh_keys: ssh_keys.collect(),
        }
    }
}
