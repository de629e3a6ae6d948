//! Who is reached under which hostname, and by whom: one generation of the answer.

use std::{collections::HashMap, fmt, net::IpAddr, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use spaceport_domain::{
    app::AppName,
    event::Cursor,
    hostname::{self, SEPARATOR},
    id::{SpaceId, SshKeyId, TunnelId, UserId},
    lifecycle::Status,
    route::{PersonRoutes, RouteChange, RouteEvent, SpaceRoutes},
    template::PortDeclaration,
};

/// A generation of the routes. It doesn't change once it is published.
///
/// Invariants: every host and every name leads to a space that is in `spaces`; no host is spelled
/// in a way that [`hostname::normalize`] would change; no tunnel leads to a port that is opened behind
/// a sign-in alone ([`Offer::kept_for`]); no space is deleted.
///
/// [`Offer::kept_for`]: spaceport_domain::app::Offer::kept_for
#[derive(Clone, Debug, Default)]
pub struct Table {
    cursor: Option<String>,
    spaces: HashMap<SpaceId, Arc<SpaceRoutes>>,
    /// The hostnames of tunnels.
    hosts: HashMap<String, Target>,
    /// What the labels of a space's apps end in: `<space>--<owner>`.
    names: HashMap<String, SpaceId>,
    people: HashMap<UserId, Arc<PersonRoutes>>,
    /// The SSH keys of all people, as they are sent, and whose they are.
    keys: HashMap<Box<[u8]>, (UserId, SshKeyId)>,
}

/// Where a hostname leads.
#[derive(Clone, Debug)]
pub struct Target {
    /// What has the hostname.
    pub via: Via,
    /// What of the space it leads to.
    pub endpoint: Endpoint,
    /// What is known of the space.
    pub space: Arc<SpaceRoutes>,
}

/// What has a hostname.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// A tunnel, which is everybody's to open.
    Tunnel(TunnelId),
    /// An app, which takes a sign-in.
    App(AppName),
}

/// Where connections into spaces end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    /// The space, so that an address which moves to another space is never mistaken for it.
    pub space: SpaceId,
    /// The container's address.
    pub address: IpAddr,
    /// What of it.
    pub endpoint: Endpoint,
}

/// What of a space is connected to. Connections to one are never used for another: each takes
/// another right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A port, whatever listens there.
    Port(u16),
    /// Its agent, which is asked for one thing by each connection.
    Agent,
    /// Its files, which its agent serves by HTTP.
    Files,
}

impl Endpoint {
    /// What serves an app of a space whose template declares `ports`.
    pub fn of(app: AppName, ports: &[PortDeclaration]) -> Self {
        match (app.port(ports), app) {
            (Some(port), _) => Self::Port(port),
            (None, AppName::Files) => Self::Files,
            (None, _) => Self::Agent,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(f, "port {port}"),
            Self::Agent => f.write_str("agent"),
            Self::Files => f.write_str("files"),
        }
    }
}

impl Target {
    /// Whether it answers its own pages alone.
    pub fn is_alone(&self) -> bool {
        matches!(self.via, Via::App(app) if self.space.offer().app(app).is_alone())
    }

    /// What to dial, or the status that keeps it from being dialled.
    pub fn destination(&self) -> Result<Destination, Status> {
        match (self.space.status, self.space.address) {
            (Status::Running, Some(address)) => Ok(Destination {
                space: self.space.space_id,
                address,
                endpoint: self.endpoint,
            }),
            // Running, and the address is yet to come: a moment of the start.
            (Status::Running, None) => Err(Status::Starting),
            (status, _) => Err(status),
        }
    }
}

impl Table {
    /// The position in the feed this table stands at.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// The same as a number; the beginning for a table that has heard nothing.
    pub fn as_of(&self) -> Cursor {
        let cursor = self.cursor.as_deref().and_then(|it| it.parse().ok());
        cursor.unwrap_or(Cursor::START)
    }

    /// Where the tunnel with the hostname `host` leads. It must have been normalised.
    pub fn tunnel(&self, host: &str) -> Option<&Target> {
        self.hosts.get(host)
    }

    /// The app that the label `<app>--<space>--<owner>` names, and its space. Whether somebody may
    /// know of it is another question.
    pub fn app(&self, label: &str) -> Option<(AppName, &Arc<SpaceRoutes>)> {
        let (app, name) = label.split_once(SEPARATOR)?;
        let space = self.spaces.get(self.names.get(name)?)?;
        Some((app.parse().ok()?, space))
    }

    /// The space with the name `<space>--<owner>`.
    pub fn space_called(&self, name: &str) -> Option<&SpaceRoutes> {
        self.space(*self.names.get(name)?)
    }

    /// The space of `owner` with this name.
    pub fn own_space(&self, owner: UserId, name: &str) -> Option<&SpaceRoutes> {
        let mut all = self.spaces();
        all.find(|it| it.owner_id == owner && it.space_name == name)
    }

    /// What is known of a space.
    pub fn space(&self, space: SpaceId) -> Option<&SpaceRoutes> {
        self.spaces.get(&space).map(Arc::as_ref)
    }

    /// Whose SSH key it is that is sent as `blob` (RFC 4253 §6.6), and which of theirs.
    pub fn key(&self, blob: &[u8]) -> Option<(UserId, SshKeyId)> {
        self.keys.get(blob).copied()
    }

    /// What is known of a person; nothing of who may not act.
    pub fn person(&self, user: UserId) -> Option<&PersonRoutes> {
        self.people.get(&user).map(Arc::as_ref)
    }

    /// Everybody who is known, in no order.
    pub fn people(&self) -> impl Iterator<Item = &PersonRoutes> {
        self.people.values().map(Arc::as_ref)
    }

    /// Whether a connection to `destination` still leads where a route would lead it.
    pub fn reaches(&self, destination: &Destination) -> bool {
        self.space_at(destination).is_some()
    }

    /// What is known of the space of `destination`, if that still leads there.
    pub fn space_at(&self, destination: &Destination) -> Option<&SpaceRoutes> {
        let space = self.spaces.get(&destination.space)?;
        let leads_there =
            space.status == Status::Running && space.address == Some(destination.address);
        leads_there.then_some(space)
    }

    /// How many spaces are known.
    pub fn space_count(&self) -> usize {
        self.spaces.len()
    }

    /// How many hostnames are known.
    pub fn host_count(&self) -> usize {
        self.hosts.len()
    }

    /// Every space, in no order.
    pub fn spaces(&self) -> impl Iterator<Item = &SpaceRoutes> {
        self.spaces.values().map(Arc::as_ref)
    }

    /// Asks the feed for the whole table when it is next followed.
    pub fn forget_cursor(&mut self) {
        self.cursor = None;
    }

    /// Takes in one message of the feed. Taking it in again changes nothing.
    pub fn apply(&mut self, event: RouteEvent) {
        if event.change == RouteChange::Snapshot {
            self.spaces.clear();
            self.hosts.clear();
            self.names.clear();
            self.people.clear();
            self.keys.clear();
        }
        self.cursor = Some(event.cursor);
        for space in event.spaces {
            self.replace(space);
        }
        for person in event.people {
            self.replace_person(person);
        }
    }

    fn replace_person(&mut self, person: PersonRoutes) {
        let id = person.user_id;
        if let Some(known) = self.people.remove(&id) {
            for blob in blobs(&known).map(|(blob, _)| blob) {
                // A key may have become somebody else's before this message came.
                if self.key(&blob).is_some_and(|(user, _)| user == id) {
                    self.keys.remove(&*blob);
                }
            }
        }
        for (blob, key) in blobs(&person) {
            self.keys.insert(blob.into(), (id, key));
        }
        self.people.insert(id, Arc::new(person));
    }

    fn replace(&mut self, space: SpaceRoutes) {
        let id = space.space_id;
        if let Some(known) = self.spaces.remove(&id) {
            for tunnel in &known.tunnels {
                // A hostname may have moved to another space before this message came.
                if self.leads_to(&tunnel.host, id) {
                    self.hosts.remove(&tunnel.host);
                }
            }
            let name = name_of(&known);
            if self.names.get(&name) == Some(&id) {
                self.names.remove(&name);
            }
        }
        if space.status == Status::Deleted {
            return;
        }
        let space = Arc::new(space);
        for tunnel in &space.tunnels {
            let is_kept = space.offer().kept_for(tunnel.port).is_some();
            if is_kept || hostname::normalize(&tunnel.host).as_ref() != Some(&tunnel.host) {
                continue;
            }
            let target = Target {
                via: Via::Tunnel(tunnel.id),
                endpoint: Endpoint::Port(tunnel.port),
                space: Arc::clone(&space),
            };
            self.hosts.insert(tunnel.host.clone(), target);
        }
        self.names.insert(name_of(&space), id);
        self.spaces.insert(id, space);
    }

    fn leads_to(&self, host: &str, space: SpaceId) -> bool {
        self.hosts
            .get(host)
            .is_some_and(|target| target.space.space_id == space)
    }
}

/// A person's keys that can be read.
fn blobs(person: &PersonRoutes) -> impl Iterator<Item = (Vec<u8>, SshKeyId)> {
    let keys = person.ssh_keys.iter();
    keys.filter_map(|key| Some((key_blob(&key.public_key)?, key.id)))
}

/// A public key as it is sent, out of a line of an `authorized_keys` file without options.
pub(crate) fn key_blob(line: &str) -> Option<Vec<u8>> {
    let text = line.split_ascii_whitespace().nth(1)?;
    STANDARD.decode(text).ok()
}

fn name_of(space: &SpaceRoutes) -> String {
    format!("{}{SEPARATOR}{}", space.space_name, space.owner_name)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use spaceport_domain::{
        app::CODE_PORT,
        id::UserId,
        route::{SshKeyRoute, TunnelRoute},
        template::Feature,
    };
    use uuid::Uuid;

    use super::*;

    fn space(n: u8, status: Status, hosts: &[&str]) -> SpaceRoutes {
        let tunnels = hosts
            .iter()
            .map(|host| TunnelRoute {
                id: TunnelId::new(Uuid::from_u128(9)),
                host: (*host).to_owned(),
                port: 80,
            })
            .collect();
        SpaceRoutes {
            space_id: SpaceId::new(Uuid::from_u128(n.into())),
            space_name: format!("space-{n}"),
            owner_id: UserId::new(Uuid::from_u128(1)),
            owner_name: "ada".to_owned(),
            shared_with: Vec::new(),
            features: BTreeSet::new(),
            ports: Vec::new(),
            status,
            address: Some(IpAddr::from([172, 17, 0, n])),
            agent: None,
            tunnels,
        }
    }

    fn event(change: RouteChange, spaces: Vec<SpaceRoutes>) -> RouteEvent {
        RouteEvent {
            cursor: "7".to_owned(),
            change,
            spaces,
            people: Vec::new(),
        }
    }

    #[test]
    fn no_tunnel_leads_to_a_port_that_takes_a_sign_in() {
        let mut editor = space(1, Status::Running, &["web--ada.example"]);
        editor.tunnels[0].port = CODE_PORT;
        let leads = |space: &SpaceRoutes| {
            let mut table = Table::default();
            table.apply(event(RouteChange::Snapshot, vec![space.clone()]));
            table.tunnel("web--ada.example").is_some()
        };
        assert!(leads(&editor));
        editor.features.insert(Feature::CodeServer);
        assert!(!leads(&editor));
        editor.ports.push(PortDeclaration {
            name: "web".to_owned(),
            port: CODE_PORT,
        });
        assert!(leads(&editor));
    }

    /// Hostname to the space it leads to: all a visitor can tell.
    fn seen(table: &Table) -> BTreeMap<String, SpaceId> {
        let id = |target: &Target| target.space.space_id;
        table
            .hosts
            .iter()
            .map(|(host, it)| (host.clone(), id(it)))
            .collect()
    }

    #[test]
    fn a_message_replaces_what_was_known_of_the_spaces_it_names() {
        let mut table = Table::default();
        table.apply(event(
            RouteChange::Snapshot,
            vec![
                space(1, Status::Running, &["a.t", "b.t"]),
                space(2, Status::Running, &["c.t"]),
            ],
        ));
        table.apply(event(
            RouteChange::Spaces,
            vec![space(1, Status::Stopped, &["b.t", "d.t"])],
        ));
        let hosts: Vec<_> = seen(&table).into_keys().collect();
        assert_eq!(hosts, ["b.t", "c.t", "d.t"]);
        assert_eq!(table.cursor(), Some("7"));
        let stopped = table.tunnel("b.t").expect("known");
        assert_eq!(stopped.destination(), Err(Status::Stopped));
        let running = table
            .tunnel("c.t")
            .expect("known")
            .destination()
            .expect("runs");
        assert!(table.reaches(&running));
        table.apply(event(
            RouteChange::Spaces,
            vec![space(2, Status::Deleted, &["c.t"])],
        ));
        assert!(table.tunnel("c.t").is_none() && !table.reaches(&running));
        assert_eq!((table.space_count(), table.host_count()), (1, 2));
        table.apply(event(RouteChange::Snapshot, vec![]));
        assert_eq!((table.space_count(), table.host_count()), (0, 0));
    }

    #[test]
    fn a_hostname_that_moved_stays_where_it_moved_to() {
        let mut table = Table::default();
        table.apply(event(
            RouteChange::Snapshot,
            vec![space(1, Status::Running, &["a.t"])],
        ));
        table.apply(event(
            RouteChange::Spaces,
            vec![space(2, Status::Running, &["a.t"])],
        ));
        table.apply(event(
            RouteChange::Spaces,
            vec![space(1, Status::Running, &[])],
        ));
        let target = table.tunnel("a.t").expect("known");
        assert_eq!(target.space.space_name, "space-2");
    }

    #[test]
    fn a_hostname_nobody_could_ask_for_is_left_out() {
        let mut table = Table::default();
        let routes = space(1, Status::Running, &["A.t", "b.t.", "c t", "d.t"]);
        table.apply(event(RouteChange::Snapshot, vec![routes]));
        assert_eq!(table.host_count(), 1);
    }

    #[test]
    fn an_app_is_found_by_its_label_as_long_as_its_space_is_there() {
        let mut table = Table::default();
        let running = space(1, Status::Running, &[]);
        table.apply(event(RouteChange::Snapshot, vec![running.clone()]));
        let app = |table: &Table, label: &str| table.app(label).map(|(app, _)| app);
        assert_eq!(app(&table, "8000--space-1--ada"), Some(AppName::Port(8000)));
        assert_eq!(app(&table, "code--space-1--ada"), Some(AppName::Code));
        for other in [
            "8000--space-2--ada",
            "8000--space-1--bob",
            "x--space-1--ada",
            "space-1--ada",
        ] {
            assert_eq!(app(&table, other), None, "{other}");
        }
        let mut handed_over = running;
        handed_over.owner_name = "bob".to_owned();
        table.apply(event(RouteChange::Spaces, vec![handed_over.clone()]));
        assert_eq!(app(&table, "code--space-1--ada"), None);
        assert_eq!(app(&table, "code--space-1--bob"), Some(AppName::Code));
        handed_over.status = Status::Deleted;
        table.apply(event(RouteChange::Spaces, vec![handed_over]));
        assert_eq!(app(&table, "code--space-1--bob"), None);
    }

    #[test]
    fn a_running_space_without_an_address_is_still_starting() {
        let mut routes = space(1, Status::Running, &["a.t"]);
        routes.address = None;
        let mut table = Table::default();
        table.apply(event(RouteChange::Snapshot, vec![routes]));
        let target = table.tunnel("a.t").expect("known");
        assert_eq!(target.destination(), Err(Status::Starting));
    }

    fn person(n: u128, keys: &[&str]) -> PersonRoutes {
        PersonRoutes {
            user_id: UserId::new(Uuid::from_u128(n)),
            permissions: BTreeSet::new(),
            sign_ins: BTreeSet::new(),
            ssh_keys: keys
                .iter()
                .map(|key| SshKeyRoute {
                    id: SshKeyId::new(Uuid::from_u128(n)),
                    public_key: format!("ssh-ed25519 {key}"),
                })
                .collect(),
        }
    }

    #[test]
    fn a_key_is_whose_it_was_said_to_be_last() {
        let mut table = Table::default();
        let mut say = |people| {
            table.apply(RouteEvent {
                people,
                ..event(RouteChange::Spaces, vec![])
            });
            ["AAAA", "BBBB", "CCCC"].map(|text| {
                let blob = STANDARD.decode(text).expect(text);
                table.key(&blob).map(|(user, _)| user.uuid().as_u128())
            })
        };
        let both = vec![person(1, &["AAAA", "BBBB"]), person(2, &["no key"])];
        assert_eq!(say(both), [Some(1), Some(1), None]);
        // One key moves, and the message about who had it comes later.
        assert_eq!(say(vec![person(2, &["BBBB"])]), [Some(1), Some(2), None]);
        assert_eq!(say(vec![person(1, &["CCCC"])]), [None, Some(2), Some(1)]);
        assert_eq!(say(vec![person(2, &[])]), [None, None, Some(1)]);
    }

    fn any_space() -> impl Strategy<Value = SpaceRoutes> {
        let status = proptest::sample::select(Status::ALL.to_vec());
        (0..4_u8, status, 0..3_u8).prop_map(|(n, status, hosts)| {
            let hosts: Vec<_> = (0..hosts).map(|host| format!("h{host}--{n}.t")).collect();
            let hosts: Vec<_> = hosts.iter().map(String::as_str).collect();
            space(n, status, &hosts)
        })
    }

    proptest! {
        #[test]
        fn changes_end_where_a_snapshot_of_the_last_words_would(
            changes in proptest::collection::vec(any_space(), 0..30),
        ) {
            let mut stepwise = Table::default();
            let mut last = BTreeMap::new();
            for change in changes {
                last.insert(change.space_id, change.clone());
                let change = event(RouteChange::Spaces, vec![change]);
                stepwise.apply(change.clone());
                stepwise.apply(change);
            }
            let mut whole = Table::default();
            whole.apply(event(RouteChange::Snapshot, last.into_values().collect()));
            prop_assert_eq!(seen(&stepwise), seen(&whole));
            prop_assert_eq!(stepwise.space_count(), whole.space_count());
        }
    }
}
