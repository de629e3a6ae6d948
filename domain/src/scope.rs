//! What a token may be used for.
//!
//! A token never can do more than its user; its scopes can make it less. A sign-in with a password
//! has every scope. Two rules make a scope hold, both where the actor is made or handed out, so
//! that no action can forget them:
//!
//! 1. A permission that a scope doesn't cover ([`Scope::of_permission`]) is not the actor's.
//! 2. A mutation that a scope doesn't cover ([`Scope::of_mutation`]) gets no actor.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::access::Permission;

/// One part of what a token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Scope {
    /// See what the user sees of their own. Every other scope includes it.
    Read,
    /// Make, change, run, enter, share, hand over and delete spaces and tunnels.
    Spaces,
    /// Change the user's own account: password, sign-ins, tokens, SSH keys.
    Account,
    /// Use what the user's roles allow beyond what is their own: see and change what belongs to
    /// others, templates, users, groups and the audit log.
    Administration,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [
        Self::Read,
        Self::Spaces,
        Self::Account,
        Self::Administration,
    ];

    /// The spelling in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "READ",
            Self::Spaces => "SPACES",
            Self::Account => "ACCOUNT",
            Self::Administration => "ADMINISTRATION",
        }
    }

    /// The scope that a permission of a role is used under.
    pub const fn of_permission(permission: Permission) -> Self {
        match permission {
            Permission::CreateSpaces
            | Permission::ShareSpaces
            | Permission::UseTerminal
            | Permission::UseSsh
            | Permission::UseCodeServer
            | Permission::UseVscodeTunnel
            | Permission::UseVnc
            | Permission::UsePortForward
            | Permission::UseTunnels
            | Permission::UseFiles => Self::Spaces,
            Permission::ManageSpaces
            | Permission::EnterSpaces
            | Permission::ManageTemplates
            | Permission::ManageUsers
            | Permission::ManageGroups
            | Permission::ManageRoles
            | Permission::ViewAuditLog => Self::Administration,
        }
    }

    /// The scope that a mutation of the API needs. `None` is one that takes nothing but its own
    /// caller away. What is not listed is for administration: a new mutation is closed to narrower
    /// tokens until somebody says otherwise.
    pub fn of_mutation(name: &str) -> Option<Self> {
        match name {
            "signIn" | "signOut" | "redeemAppCode" | "redeemCliCode" | "recordSshSignIn" => None,
            "createSpace" | "startSpace" | "stopSpace" | "restartSpace" | "deleteSpace"
            | "updateSpace" | "shareSpace" | "unshareSpace" | "leaveSpace" | "transferSpace"
            | "createTunnel" | "updateTunnel" | "deleteTunnel" | "openApp" => Some(Self::Spaces),
            "changePassword" | "revokeSession" | "createApiToken" | "revokeApiToken"
            | "addSshKey" | "removeSshKey" => Some(Self::Account),
            _ => Some(Self::Administration),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of scopes that makes sense: it is not empty, and who may do anything may read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Everything: the scopes of a sign-in with a password.
    pub fn all() -> Self {
        Self(Scope::ALL.into())
    }

    /// These scopes, and reading.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self(scopes.into_iter().chain([Scope::Read]).collect())
    }

    /// The scopes, narrowest first.
    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }

    /// Whether `scope` is one of them.
    pub fn include(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// The first scope of `wanted` that is not one of these.
    pub fn lack(&self, wanted: &Self) -> Option<Scope> {
        wanted.iter().find(|scope| !self.include(*scope))
    }

    /// What is left of `permissions` under these scopes.
    pub fn narrow(
        &self,
        permissions: impl IntoIterator<Item = Permission>,
    ) -> BTreeSet<Permission> {
        permissions
            .into_iter()
            .filter(|permission| self.include(Scope::of_permission(*permission)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::subsequence};

    use super::*;

    fn scopes() -> impl Strategy<Value = Scopes> {
        subsequence(Scope::ALL.to_vec(), 0..=4).prop_map(Scopes::new)
    }

    proptest! {
        #[test]
        fn scopes_only_ever_take_away(
            scopes in scopes(),
            held in subsequence(Permission::ALL.to_vec(), 0..=Permission::ALL.len()),
        ) {
            let left = scopes.narrow(held.iter().copied());
            prop_assert!(left.iter().all(|it| held.contains(it)));
            prop_assert_eq!(Scopes::all().narrow(held.iter().copied()).len(), held.len());
        }

        #[test]
        fn a_set_lacks_nothing_of_itself_or_of_a_part(one in scopes(), other in scopes()) {
            prop_assert_eq!(one.lack(&one), None);
            prop_assert_eq!(Scopes::all().lack(&one), None);
            let is_part = other.iter().all(|scope| one.include(scope));
            prop_assert_eq!(one.lack(&other).is_none(), is_part);
        }
    }

    #[test]
    fn every_set_reads_and_none_reads_more_than_it_says() {
        assert!(Scopes::new([]).include(Scope::Read));
        assert!(!Scopes::new([Scope::Spaces]).include(Scope::Account));
        assert!(
            Scopes::new([Scope::Read])
                .narrow(Permission::ALL)
                .is_empty()
        );
    }

    #[test]
    fn an_unknown_mutation_is_for_administration() {
        assert_eq!(
            Scope::of_mutation("inventedTomorrow"),
            Some(Scope::Administration)
        );
    }

    #[test]
    fn scopes_are_spelled_as_they_are_kept() {
        for scope in Scope::ALL {
            let kept = serde_json::to_string(&scope).expect("serialises");
            assert_eq!(kept, format!("\"{scope}\""));
        }
    }
}
