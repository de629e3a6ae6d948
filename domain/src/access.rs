//! Permissions, and what an actor may see and do.
//!
//! Roles hold permissions; the permissions of several roles add up. What an actor may do with one
//! space also depends on their relation to it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    id::{GroupId, UserId},
    problem::{Problem, ProblemCode},
    scope::{Scope, Scopes},
    template::Feature,
};

/// What a role allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Permission {
    /// Make spaces of one's own.
    CreateSpaces,
    /// See and manage everybody's spaces and tunnels.
    ManageSpaces,
    /// Make, change and delete templates.
    ManageTemplates,
    /// Make, change and delete users, and say which roles and groups they have.
    ManageUsers,
    /// Make, change and delete groups.
    ManageGroups,
    /// Read the audit log.
    ViewAuditLog,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 6] = [
        Self::CreateSpaces,
        Self::ManageSpaces,
        Self::ManageTemplates,
        Self::ManageUsers,
        Self::ManageGroups,
        Self::ViewAuditLog,
    ];
}

impl Permission {
    /// The spelling in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateSpaces => "CREATE_SPACES",
            Self::ManageSpaces => "MANAGE_SPACES",
            Self::ManageTemplates => "MANAGE_TEMPLATES",
            Self::ManageUsers => "MANAGE_USERS",
            Self::ManageGroups => "MANAGE_GROUPS",
            Self::ViewAuditLog => "VIEW_AUDIT_LOG",
        }
    }
}

/// Who acts: a signed-in user with what their roles and groups give them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The user.
    pub user_id: UserId,
    /// The user's name, as the audit log keeps it.
    pub user_name: String,
    /// What their roles allow, together, as far as `scopes` go.
    pub permissions: BTreeSet<Permission>,
    /// What their credentials may be used for.
    pub scopes: Scopes,
    /// The groups they are in.
    pub groups: Vec<GroupId>,
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

    /// The actor's relation to a space of `owner`; `None` for a stranger, to whom the space
    /// doesn't exist.
    pub fn relation_to(&self, owner: UserId) -> Option<Relation> {
        if self.user_id == owner {
            Some(Relation::Owner)
        } else if self.may(Permission::ManageSpaces) {
            Some(Relation::Administrator)
        } else {
            None
        }
    }

    /// Whose spaces the actor sees in lists.
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
    /// Only this user's.
    Of(UserId),
}

impl Sight {
    /// Whether a thing of `owner` is seen.
    pub fn includes(self, owner: UserId) -> bool {
        match self {
            Self::All => true,
            Self::Of(user) => user == owner,
        }
    }
}

/// What an actor is to a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It is theirs.
    Owner,
    /// They manage everybody's spaces.
    Administrator,
}

/// Why a feature of a space can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FeatureBar {
    /// The space's template doesn't enable it.
    TemplateDisabled,
    /// This version of Spaceport doesn't carry it.
    NotSupported,
}

/// The features this version of Spaceport carries.
pub const SUPPORTED_FEATURES: [Feature; 1] = [Feature::Tunnels];

/// Whether `feature` of a space whose template enables `enabled` can be used.
pub fn feature_bar(feature: Feature, enabled: &BTreeSet<Feature>) -> Option<FeatureBar> {
    if !enabled.contains(&feature) {
        Some(FeatureBar::TemplateDisabled)
    } else if !SUPPORTED_FEATURES.contains(&feature) {
        Some(FeatureBar::NotSupported)
    } else {
        None
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
            scopes: Scopes::all(),
            groups: Vec::new(),
        }
    }

    #[test]
    fn a_stranger_has_no_relation_and_sees_nothing() {
        let other = UserId::new(Uuid::from_u128(2));
        let stranger = actor(&[Permission::CreateSpaces]);
        assert_eq!(stranger.relation_to(other), None);
        assert!(!stranger.sees().includes(other));
        let administrator = actor(&[Permission::ManageSpaces]);
        assert_eq!(
            administrator.relation_to(other),
            Some(Relation::Administrator)
        );
        assert!(administrator.sees().includes(other));
        assert_eq!(
            administrator.relation_to(administrator.user_id),
            Some(Relation::Owner)
        );
    }

    #[test]
    fn permissions_are_spelled_as_they_are_kept() {
        for permission in Permission::ALL {
            let kept = serde_json::to_string(&permission).expect("serialises");
            assert_eq!(kept, format!("\"{}\"", permission.as_str()));
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

    #[test]
    fn a_feature_needs_its_template_and_our_support() {
        let enabled = BTreeSet::from([Feature::Tunnels, Feature::Vnc]);
        assert_eq!(feature_bar(Feature::Tunnels, &enabled), None);
        assert_eq!(
            feature_bar(Feature::Vnc, &enabled),
            Some(FeatureBar::NotSupported)
        );
        assert_eq!(
            feature_bar(Feature::Ssh, &enabled),
            Some(FeatureBar::TemplateDisabled)
        );
    }
}
