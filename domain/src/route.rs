//! What the edge must know to carry a visitor into a space.
//!
//! The control plane sends routes by space: [`SpaceRoutes`] holds everything the edge knows of one
//! space, so that a message replaces what was known before and can be repeated without harm. In the
//! same way [`PersonRoutes`] holds what it knows of one user: with both, the edge decides by itself
//! who enters which app.

use std::{collections::BTreeSet, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::{
    access::{Permission, Relation, feature_bar},
    agent::Secret,
    app::{AppName, Offer},
    event::{Cursor, EventBody, SpaceChange},
    id::{SpaceId, SshKeyId, TunnelId, UserId},
    lifecycle::Status,
    scope::Scopes,
    template::{Feature, PortDeclaration},
    ticket::Ticket,
};

/// All routes into one space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpaceRoutes {
    /// The space.
    pub space_id: SpaceId,
    /// Its name, for pages that speak of it.
    pub space_name: String,
    /// Who owns it.
    pub owner_id: UserId,
    /// The owner's name, which is part of the hostnames of the space's apps.
    #[serde(default)]
    pub owner_name: String,
    /// Whom it is shared with.
    #[serde(default)]
    pub shared_with: Vec<UserId>,
    /// Where it is in its life; only a running space is dialled.
    pub status: Status,
    /// The container's address in the engine's network, while it has one.
    pub address: Option<IpAddr>,
    /// How its agent is reached, while it has one.
    #[serde(default)]
    pub agent: Option<AgentRoute>,
    /// What its template enables.
    #[serde(default)]
    pub features: BTreeSet<Feature>,
    /// The ports its template declares.
    #[serde(default)]
    pub ports: Vec<PortDeclaration>,
    /// The public hostnames into it that are enabled. Empty once the space is deleted.
    pub tunnels: Vec<TunnelRoute>,
}

impl SpaceRoutes {
    /// What its template offers as apps.
    pub fn offer(&self) -> Offer<'_> {
        Offer {
            features: &self.features,
            ports: &self.ports,
        }
    }

    /// Whether `person`, on a sign-in that may be used for `scopes`, opens `app`: the rule by which
    /// [`feature_bar`] answers the API. Whether the space runs is another question.
    pub fn admits(&self, app: AppName, person: &PersonRoutes, scopes: &Scopes) -> bool {
        self.allows(self.offer().feature(app), person, scopes)
    }

    /// Whether `person`, on a sign-in that may be used for `scopes`, uses `feature`.
    pub fn allows(&self, feature: Feature, person: &PersonRoutes, scopes: &Scopes) -> bool {
        let permissions = scopes.narrow(person.permissions.iter().copied());
        self.relation(person, &permissions)
            .is_some_and(|it| feature_bar(feature, &self.features, &permissions, it).is_none())
    }

    /// Whether `person`, on a sign-in that may be used for `scopes`, may start and stop the space.
    pub fn is_managed_by(&self, person: &PersonRoutes, scopes: &Scopes) -> bool {
        let permissions = scopes.narrow(person.permissions.iter().copied());
        matches!(
            self.relation(person, &permissions),
            Some(Relation::Owner | Relation::Administrator)
        )
    }

    fn relation(
        &self,
        person: &PersonRoutes,
        permissions: &BTreeSet<Permission>,
    ) -> Option<Relation> {
        let is_shared = self.shared_with.contains(&person.user_id);
        Relation::of(person.user_id, permissions, self.owner_id, is_shared)
    }
}

/// How the agent of a running space is reached, at the space's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentRoute {
    /// The port.
    pub port: u16,
    /// What it believes whoever asks by.
    pub secret: Secret,
}

/// A public hostname for one port of a space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TunnelRoute {
    /// The tunnel.
    pub id: TunnelId,
    /// The whole hostname, in lower case, without a port.
    pub host: String,
    /// The port inside the space.
    pub port: u16,
}

/// What somebody may do in spaces, and how they are known.
///
/// Who is not in the table, or has no sign-in in it, enters nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonRoutes {
    /// Who.
    pub user_id: UserId,
    /// What their roles allow, together; empty while they may not act.
    pub permissions: BTreeSet<Permission>,
    /// Their sign-ins and tokens that hold: identifiers as [`crate::ticket::Ticket`] names them.
    pub sign_ins: BTreeSet<String>,
    /// Their SSH keys. Whoever has one signs in with all that the user may do.
    #[serde(default)]
    pub ssh_keys: Vec<SshKeyRoute>,
}

/// An SSH key of a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SshKeyRoute {
    /// The key.
    pub id: SshKeyId,
    /// The public key as in an `authorized_keys` file, without options and comment:
    /// `ssh-ed25519 AAAA…`.
    pub public_key: String,
}

impl PersonRoutes {
    /// Whether the sign-in that `ticket` rests on still holds, by what was known at `as_of`. A
    /// ticket that is younger than that is believed: what it rests on can't be known yet.
    pub fn vouches_for(&self, ticket: &Ticket, as_of: Cursor) -> bool {
        self.user_id == ticket.sub && (as_of < ticket.as_of || self.sign_ins.contains(&ticket.sid))
    }
}

/// The spaces and people whose records may be others after some events. Each is in it once, however
/// many events name it: its record says how it is by now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concerned {
    /// The spaces.
    pub spaces: BTreeSet<SpaceId>,
    /// The people.
    pub people: BTreeSet<UserId>,
}

impl Concerned {
    /// Those whom `events` concern.
    pub fn by<'a>(events: impl IntoIterator<Item = &'a EventBody>) -> Self {
        let mut all = Self::default();
        for event in events {
            match event {
                // No route depends on how apps are.
                EventBody::Space {
                    change: SpaceChange::Apps,
                    ..
                } => false,
                EventBody::Space { space, .. } => all.spaces.insert(space.id),
                EventBody::Tunnel { tunnel, .. } => all.spaces.insert(tunnel.space_id),
                EventBody::User { user_id }
                | EventBody::Access { user_id }
                | EventBody::SignInEnded { user_id, .. } => all.people.insert(*user_id),
            };
        }
        all
    }
}

/// Whether a message replaces everything or only what it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RouteChange {
    /// The message is the whole table: what it doesn't name is gone.
    Snapshot,
    /// The message replaces what is known of the spaces and people it names, and nothing else.
    Spaces,
}

/// One message of the feed from the control plane to the edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteEvent {
    /// Position in the event log; sent back as `after` to resume.
    pub cursor: String,
    /// How to apply the rest.
    pub change: RouteChange,
    /// The spaces whose routes are given.
    pub spaces: Vec<SpaceRoutes>,
    /// The people of whom is told what they may do.
    #[serde(default)]
    pub people: Vec<PersonRoutes>,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        app::CODE_PORT,
        event::{SignIn, TunnelChange},
        id::SessionId,
        scope::Scope,
        ticket,
        time::Timestamp,
        tunnel::Tunnel,
    };

    const APPS: [AppName; 3] = [AppName::Code, AppName::Term, AppName::Port(8000)];

    fn user(n: u128) -> UserId {
        UserId::new(Uuid::from_u128(n))
    }

    fn person(n: u128, permissions: &[Permission]) -> PersonRoutes {
        PersonRoutes {
            user_id: user(n),
            permissions: permissions.iter().copied().collect(),
            sign_ins: BTreeSet::from(["session_1".to_owned()]),
            ssh_keys: Vec::new(),
        }
    }

    /// A space of user 1, shared with user 2, with every feature.
    fn space() -> SpaceRoutes {
        SpaceRoutes {
            space_id: SpaceId::new(Uuid::from_u128(9)),
            space_name: "lab".to_owned(),
            owner_id: user(1),
            owner_name: "ada".to_owned(),
            shared_with: vec![user(2)],
            status: Status::Running,
            address: None,
            agent: None,
            features: Feature::ALL.into(),
            ports: Vec::new(),
            tunnels: Vec::new(),
        }
    }

    fn entered(space: &SpaceRoutes, person: &PersonRoutes, scopes: &Scopes) -> Vec<AppName> {
        let admitted = APPS.into_iter();
        admitted
            .filter(|app| space.admits(*app, person, scopes))
            .collect()
    }

    #[test]
    fn who_is_named_by_many_events_is_concerned_once() {
        let tunnel = Tunnel {
            id: TunnelId::new(Uuid::from_u128(7)),
            space_id: space().space_id,
            owner_id: user(1),
            name: "web".parse().expect("a name"),
            port: 80,
            host: "web--ada.tunnels.localhost".to_owned(),
            enabled: true,
            created_at: Timestamp::from_millis(0),
        };
        let change = |change| EventBody::Tunnel {
            change,
            tunnel: tunnel.clone(),
        };
        let events = [
            EventBody::Access { user_id: user(2) },
            change(TunnelChange::Created),
            EventBody::User { user_id: user(1) },
            EventBody::SignInEnded {
                user_id: user(2),
                sign_in: SignIn::Session(SessionId::new(Uuid::from_u128(3))),
            },
            change(TunnelChange::Deleted),
        ];
        let concerned = Concerned::by(&events);
        assert_eq!(concerned.spaces, BTreeSet::from([space().space_id]));
        assert_eq!(concerned.people, BTreeSet::from([user(1), user(2)]));
        assert_eq!(Concerned::by([]), Concerned::default());
    }

    #[test]
    fn owner_and_administrator_enter_and_nobody_else_does() {
        let (space, all) = (space(), Scopes::all());
        let open = APPS;
        let developer = |n| person(n, &Permission::DEVELOPER);
        assert_eq!(entered(&space, &developer(1), &all), open);
        // Ports are not shared, nor is the editor.
        assert_eq!(entered(&space, &developer(2), &all), [AppName::Term]);
        assert_eq!(entered(&space, &developer(3), &all), []);
        assert_eq!(entered(&space, &person(4, &Permission::ALL), &all), open);
        let manager = [&Permission::DEVELOPER[..], &[Permission::ManageSpaces]].concat();
        assert_eq!(entered(&space, &person(4, &manager), &all), []);
        assert_eq!(entered(&space, &person(1, &[]), &all), []);
    }

    #[test]
    fn a_template_and_a_tokens_scopes_take_away() {
        let (mut space, narrow) = (space(), Scopes::new([Scope::Spaces]));
        let administrator = person(4, &Permission::ALL);
        assert_eq!(entered(&space, &administrator, &narrow), []);
        assert!(!space.is_managed_by(&administrator, &narrow));
        assert!(space.is_managed_by(&administrator, &Scopes::all()));
        let owner = person(1, &Permission::DEVELOPER);
        space.features.remove(&Feature::CodeServer);
        assert_eq!(
            entered(&space, &owner, &narrow),
            [AppName::Term, AppName::Port(8000)]
        );
        assert_eq!(entered(&space, &owner, &Scopes::new([])), []);
    }

    #[test]
    fn the_editors_port_is_entered_by_whom_the_editor_is() {
        let (mut space, all) = (space(), Scopes::all());
        let enters = |space: &SpaceRoutes, permissions: &[Permission]| {
            space.admits(AppName::Port(CODE_PORT), &person(1, permissions), &all)
        };
        let (forwards, edits) = ([Permission::UsePortForward], [Permission::UseCodeServer]);
        assert!(enters(&space, &edits) && !enters(&space, &forwards));
        space.ports = vec![PortDeclaration {
            name: "web".to_owned(),
            port: CODE_PORT,
        }];
        assert!(enters(&space, &forwards) && !enters(&space, &edits));
    }

    #[test]
    fn a_ticket_ends_with_the_sign_in_it_rests_on() {
        let person = person(1, &[]);
        let mut ticket = Ticket {
            aud: ticket::AUDIENCE.to_owned(),
            sub: user(1),
            sid: "session_1".to_owned(),
            host: "8000--lab--ada.apps.localhost".to_owned(),
            space: None,
            scopes: Scopes::all(),
            as_of: Cursor::new(5),
            iat: 0,
            exp: 1,
        };
        assert!(person.vouches_for(&ticket, Cursor::new(5)));
        ticket.sid = "session_2".to_owned();
        assert!(!person.vouches_for(&ticket, Cursor::new(5)));
        assert!(person.vouches_for(&ticket, Cursor::new(4)));
        ticket.sub = user(2);
        assert!(!person.vouches_for(&ticket, Cursor::new(4)));
    }
}
