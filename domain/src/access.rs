//! Who may see and do what.
//!
//! Roles hold permissions; the permissions of several roles add up. What somebody may do with one
//! space also depends on what they are to it: its owner, somebody it is shared with, or an
//! administrator. To everybody else it doesn't exist.

mod feature;
mod permission;

use std::collections::BTreeSet;

pub use feature::{FeatureBar, SHARED_FEATURES, SUPPORTED_FEATURES, feature_bar};
pub use permission::Permission;

use crate::{
    event::Cursor,
    id::{GroupId, UserId},
    problem::{Problem, ProblemCode},
    scope::{Scope, Scopes},
};

/// Who acts: a signed-in user with what their roles and groups give them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The user.
    pub user_id: UserId,
    /// The user's name, as the audit log keeps it.
    pub user_name: String,
    /// What their roles allow, together, as far as `scopes` go.
    pub permissions: BTreeSet<Permission>,
    /// What their roles allow, together, whatever their credentials may be used for.
    pub held: BTreeSet<Permission>,
    /// What their credentials may be used for.
    pub scopes: Scopes,
    /// The groups they are in.
    pub groups: Vec<GroupId>,
    /// Where the event log stood when all of this was read. What changed behind it is not known.
    pub as_of: Cursor,
}

impl Actor {
    /// Whether one of the actor's roles allows this.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    /// Refuses an actor none of whose roles allows this.
    pub fn require(&self, permission: Permission) -> Result<(), Problem> {
        if self.may(permission) {
            return Ok(());
        }
        self.require_scope(Scope::of_permission(permission))?;
        let message = format!(
            "your roles don't allow this: it needs {}",
            permission.as_str()
        );
        Err(Problem::new(ProblemCode::Forbidden, message))
    }

    /// The same actor with credentials that may be used for less.
    #[must_use]
    pub fn within(mut self, scopes: Scopes) -> Self {
        self.permissions = scopes.narrow(self.permissions);
        self.scopes = scopes;
        self
    }

    /// Refuses an actor whose credentials may not be used for this.
    pub fn require_scope(&self, scope: Scope) -> Result<(), Problem> {
        if self.scopes.include(scope) {
            return Ok(());
        }
        let message = format!("the token may not be used for this: it lacks the scope {scope}");
        Err(Problem::new(ProblemCode::Forbidden, message))
    }

    /// Refuses an actor whose roles lack one of `permissions`: nobody hands out, or takes control
    /// of, more than they have themselves.
    pub fn require_all(&self, permissions: &BTreeSet<Permission>) -> Result<(), Problem> {
        let lacking: Vec<_> = permissions
            .difference(&self.held)
            .map(|it| it.as_str())
            .collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let message = format!("you don't have {} yourself", lacking.join(", "));
        Err(Problem::new(ProblemCode::Forbidden, message))
    }

    /// Whether a space of `owner` is the actor's to manage: to start, stop, change, share, delete.
    pub fn manages(&self, owner: UserId) -> bool {
        self.user_id == owner || self.may(Permission::ManageSpaces)
    }

    /// Refuses an actor who may manage others' spaces but not go into them, and would let
    /// themselves in: by sharing a space of `owner` with themselves, or by taking it over.
    pub fn require_entry(&self, owner: UserId, who_gets_in: UserId) -> Result<(), Problem> {
        if who_gets_in != self.user_id || owner == self.user_id {
            return Ok(());
        }
        self.require(Permission::EnterSpaces)
    }

    /// What the actor is to a space of `owner`, which may be shared with them; `None` for a
    /// stranger, to whom the space doesn't exist. Of two relations it is the one that allows more
    /// features.
    pub fn relation_to(&self, owner: UserId, is_shared: bool) -> Option<Relation> {
        Relation::of(self.user_id, &self.permissions, owner, is_shared)
    }

    /// Whose things the actor sees.
    pub fn sees(&self) -> Sight {
        if self.may(Permission::ManageSpaces) {
            Sight::All
        } else {
            Sight::Of(self.user_id)
        }
    }
}

/// Whose things an actor sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Everybody's.
    All,
    /// This user's, and the spaces that are shared with them.
    Of(UserId),
}

impl Sight {
    /// Whether a thing of `owner` that can't be shared is seen.
    pub fn includes(self, owner: UserId) -> bool {
        match self {
            Self::All => true,
            Self::Of(user) => user == owner,
        }
    }
}

/// What somebody is to a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It is theirs.
    Owner,
    /// Its owner shares it with them.
    Shared,
    /// They manage everybody's spaces.
    Administrator,
}

impl Relation {
    /// What `user`, whose roles allow `permissions`, is to a space of `owner`. See
    /// [`Actor::relation_to`].
    pub fn of(
        user: UserId,
        permissions: &BTreeSet<Permission>,
        owner: UserId,
        is_shared: bool,
    ) -> Option<Self> {
        let may = |permission| permissions.contains(&permission);
        if user == owner {
            Some(Self::Owner)
        } else if may(Permission::ManageSpaces) && (may(Permission::EnterSpaces) || !is_shared) {
            Some(Self::Administrator)
        } else {
            is_shared.then_some(Self::Shared)
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn actor(permissions: &[Permission]) -> Actor {
        Actor {
            user_id: UserId::new(Uuid::from_u128(1)),
            user_name: "ada".to_owned(),
            permissions: permissions.iter().copied().collect(),
            held: permissions.iter().copied().collect(),
            scopes: Scopes::all(),
            groups: Vec::new(),
            as_of: Cursor::START,
        }
    }

    #[test]
    fn a_stranger_has_no_relation_and_sees_nothing() {
        let other = UserId::new(Uuid::from_u128(2));
        let stranger = actor(&Permission::DEVELOPER);
        assert_eq!(stranger.relation_to(other, false), None);
        assert!(!stranger.sees().includes(other) && !stranger.manages(other));
        assert_eq!(
            stranger.relation_to(stranger.user_id, false),
            Some(Relation::Owner)
        );
    }

    #[test]
    fn whom_a_space_is_shared_with_does_not_manage_it() {
        let other = UserId::new(Uuid::from_u128(2));
        let guest = actor(&Permission::DEVELOPER);
        assert_eq!(guest.relation_to(other, true), Some(Relation::Shared));
        assert!(!guest.manages(other));
    }

    #[test]
    fn an_administrator_who_may_not_enter_is_a_guest_where_they_are_invited() {
        let other = UserId::new(Uuid::from_u128(2));
        let manager = actor(&[Permission::ManageSpaces]);
        assert!(manager.manages(other) && manager.sees().includes(other));
        assert_eq!(
            manager.relation_to(other, false),
            Some(Relation::Administrator)
        );
        assert_eq!(manager.relation_to(other, true), Some(Relation::Shared));
        let entering = actor(&[Permission::ManageSpaces, Permission::EnterSpaces]);
        assert_eq!(
            entering.relation_to(other, true),
            Some(Relation::Administrator)
        );
    }

    #[test]
    fn who_may_not_enter_does_not_let_themselves_in() {
        let (owner, guest) = (
            UserId::new(Uuid::from_u128(2)),
            UserId::new(Uuid::from_u128(3)),
        );
        let manager = actor(&[Permission::ManageSpaces]);
        assert!(manager.require_entry(owner, manager.user_id).is_err());
        assert!(manager.require_entry(owner, guest).is_ok());
        assert!(manager.require_entry(manager.user_id, guest).is_ok());
        let entering = actor(&[Permission::ManageSpaces, Permission::EnterSpaces]);
        assert!(entering.require_entry(owner, entering.user_id).is_ok());
    }

    #[test]
    fn nobody_hands_out_more_than_they_have() {
        let all: BTreeSet<_> = Permission::ALL.into_iter().collect();
        assert!(actor(&Permission::ALL).require_all(&all).is_ok());
        let problem = actor(&Permission::DEVELOPER)
            .require_all(&all)
            .expect_err("lacks some");
        assert_eq!(problem.code, ProblemCode::Forbidden);
        assert!(problem.message.contains("MANAGE_USERS"));
        assert!(!problem.message.contains("USE_SSH"));
        let narrow = actor(&Permission::ALL).within(Scopes::new([Scope::Administration]));
        assert!(
            narrow.require_all(&all).is_ok(),
            "it is the user who has them"
        );
        for permission in Permission::ALL {
            assert!(actor(&[permission]).require(permission).is_ok());
            assert!(actor(&[]).require(permission).is_err());
        }
    }

    #[test]
    fn a_narrow_token_of_an_administrator_is_no_administrator() {
        let token = actor(&Permission::ALL).within(Scopes::new([Scope::Spaces]));
        assert!(token.may(Permission::CreateSpaces));
        assert!(!token.sees().includes(UserId::new(Uuid::from_u128(2))));
        let refused = token.require(Permission::ManageUsers).expect_err("narrow");
        assert_eq!(refused.code, ProblemCode::Forbidden);
        assert!(refused.message.contains("ADMINISTRATION"), "{refused:?}");
    }
}
