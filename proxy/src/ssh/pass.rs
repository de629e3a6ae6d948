//! Who is let in by SSH, and into which space.
//!
//! A key says who somebody is; the user name says where they want to go: `<space>` for one of their
//! own, `<space>--<owner>` for any. Everything is judged by the route table alone, so that it works
//! while the control plane is away, and again with every generation of the table ([`crate::live`]).

use spaceport_domain::{
    hostname::SEPARATOR,
    id::{SpaceId, SshKeyId, UserId},
    route::{PersonRoutes, SpaceRoutes},
    scope::Scopes,
    template::Feature,
};

use crate::{
    gate::Gate,
    routes::Table,
    upstream::agent::{AgentAt, NoAgent},
};

/// What somebody is let in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPass {
    /// Who they are.
    pub user: UserId,
    /// By which key they are known.
    pub key: SshKeyId,
    /// Where they go.
    pub space: SpaceId,
    /// Its agent, or why it has none: then they are told so, and that is all.
    pub agent: Result<AgentAt, NoAgent>,
}

/// Why somebody isn't let in. They are told the same in each case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nobody has the key.
    #[error("nobody has the key")]
    UnknownKey,
    /// There is no such space.
    #[error("there is no such space")]
    UnknownSpace,
    /// They may not use SSH there.
    #[error("they may not use SSH there")]
    NotAllowed,
    /// The control plane hasn't been heard for too long.
    #[error("the control plane hasn't been heard for too long")]
    Unheard,
}

impl KeyPass {
    /// The pass of whoever has the key with `blob` and signs in as `name`.
    pub fn judge(table: &Table, is_heard: bool, name: &str, blob: &[u8]) -> Result<Self, Refused> {
        let (user, key) = table.key(blob).ok_or(Refused::UnknownKey)?;
        let person = table.person(user).ok_or(Refused::UnknownKey)?;
        let space = if name.contains(SEPARATOR) {
            table.space_called(name)
        } else {
            table.own_space(user, name)
        };
        let space = space.ok_or(Refused::UnknownSpace)?;
        if !may_enter(space, person) {
            return Err(Refused::NotAllowed);
        }
        if !is_heard {
            return Err(Refused::Unheard);
        }
        Ok(Self {
            user,
            key,
            space: space.space_id,
            agent: AgentAt::of(space),
        })
    }

    /// Whether it would be given again, for the same run of the space.
    pub fn still_holds(&self, table: &Table, gate: &Gate) -> bool {
        let Some((person, space)) = table.person(self.user).zip(table.space(self.space)) else {
            return false;
        };
        gate.is_heard()
            && person.ssh_keys.iter().any(|it| it.id == self.key)
            && may_enter(space, person)
            && AgentAt::of(space) == self.agent
    }
}

/// Whoever has the key of somebody may do all that they may.
fn may_enter(space: &SpaceRoutes, person: &PersonRoutes) -> bool {
    space.allows(Feature::Ssh, person, &Scopes::all())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use spaceport_domain::{
        access::Permission,
        lifecycle::Status,
        route::{RouteChange, RouteEvent, SshKeyRoute},
    };
    use uuid::Uuid;

    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA";

    fn blob(line: &str) -> Vec<u8> {
        crate::routes::table::key_blob(line).expect("a key")
    }

    fn user(n: u128) -> UserId {
        UserId::new(Uuid::from_u128(n))
    }

    fn person(n: u128, keys: &[&str]) -> PersonRoutes {
        PersonRoutes {
            user_id: user(n),
            permissions: Permission::DEVELOPER.into(),
            sign_ins: BTreeSet::new(),
            ssh_keys: keys
                .iter()
                .map(|key| SshKeyRoute {
                    id: SshKeyId::new(Uuid::from_u128(n)),
                    public_key: (*key).to_owned(),
                })
                .collect(),
        }
    }

    /// A stopped space of user 1, `ada`.
    fn space(features: &[Feature]) -> SpaceRoutes {
        SpaceRoutes {
            space_id: SpaceId::new(Uuid::from_u128(9)),
            space_name: "lab".to_owned(),
            owner_id: user(1),
            owner_name: "ada".to_owned(),
            shared_with: vec![user(2)],
            status: Status::Stopped,
            address: None,
            agent: None,
            features: features.iter().copied().collect(),
            ports: Vec::new(),
            tunnels: Vec::new(),
        }
    }

    fn table(spaces: Vec<SpaceRoutes>, people: Vec<PersonRoutes>) -> Table {
        let mut table = Table::default();
        table.apply(RouteEvent {
            cursor: "1".to_owned(),
            change: RouteChange::Snapshot,
            spaces,
            people,
        });
        table
    }

    #[test]
    fn a_key_and_a_name_lead_to_a_space() {
        let [ada, bob, eve] = ["1111", "2222", "3333"].map(|end| format!("{KEY}{end}"));
        let people = vec![person(1, &[&ada]), person(2, &[&bob]), person(3, &[&eve])];
        let table = table(vec![space(&[Feature::Ssh])], people);
        let judge = |name, key: &str| KeyPass::judge(&table, true, name, &blob(key));
        let entered = judge("lab", &ada).expect("entered");
        assert_eq!((entered.user, entered.space.uuid().as_u128()), (user(1), 9));
        assert_eq!(entered.agent, Err(NoAgent::NotRunning(Status::Stopped)));
        assert_eq!(judge("lab--ada", &ada), Ok(entered));
        assert_eq!(judge("lab--ada", &bob).expect("shared").user, user(2));
        // Their own space of that name is another one, which isn't there.
        assert_eq!(judge("lab", &bob), Err(Refused::UnknownSpace));
        assert_eq!(judge("lab--ada", &eve), Err(Refused::NotAllowed));
        assert_eq!(judge("lab", KEY), Err(Refused::UnknownKey));
        assert_eq!(judge("", &ada), Err(Refused::UnknownSpace));
        let unheard = KeyPass::judge(&table, false, "lab", &blob(&ada));
        assert_eq!(unheard, Err(Refused::Unheard));
    }

    #[test]
    fn a_template_without_ssh_lets_nobody_in() {
        let table = table(vec![space(&[Feature::Terminal])], vec![person(1, &[KEY])]);
        let judged = KeyPass::judge(&table, true, "lab", &blob(KEY));
        assert_eq!(judged, Err(Refused::NotAllowed));
    }
}
