//! What roles allow.

use serde::{Deserialize, Serialize};

use crate::template::Feature;

/// What a role allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Permission {
    /// Have spaces of one's own: make them, and get them from others.
    CreateSpaces,
    /// Share one's own spaces with others.
    ShareSpaces,
    /// Open terminals in the browser.
    UseTerminal,
    /// Use SSH.
    UseSsh,
    /// Use the editor in the browser.
    UseCodeServer,
    /// Use Visual Studio Code's own tunnel.
    UseVscodeTunnel,
    /// Use the desktop in the browser.
    UseVnc,
    /// Reach ports of a space from one's own machine.
    UsePortForward,
    /// Make public hostnames for ports of a space.
    UseTunnels,
    /// Copy files in and out.
    UseFiles,
    /// See and manage everybody's spaces and tunnels, without going into the spaces.
    ManageSpaces,
    /// Go into everybody's spaces: use their features as their owners do.
    EnterSpaces,
    /// Make, change and delete templates.
    ManageTemplates,
    /// Make, change and delete users, and say which roles and groups they have.
    ManageUsers,
    /// Make, change and delete groups.
    ManageGroups,
    /// Make, change and delete roles.
    ManageRoles,
    /// Read the audit log.
    ViewAuditLog,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 17] = [
        Self::CreateSpaces,
        Self::ShareSpaces,
        Self::UseTerminal,
        Self::UseSsh,
        Self::UseCodeServer,
        Self::UseVscodeTunnel,
        Self::UseVnc,
        Self::UsePortForward,
        Self::UseTunnels,
        Self::UseFiles,
        Self::ManageSpaces,
        Self::EnterSpaces,
        Self::ManageTemplates,
        Self::ManageUsers,
        Self::ManageGroups,
        Self::ManageRoles,
        Self::ViewAuditLog,
    ];

    /// What the built-in role Developer allows: everything with spaces of one's own.
    pub const DEVELOPER: [Self; 10] = [
        Self::CreateSpaces,
        Self::ShareSpaces,
        Self::UseTerminal,
        Self::UseSsh,
        Self::UseCodeServer,
        Self::UseVscodeTunnel,
        Self::UseVnc,
        Self::UsePortForward,
        Self::UseTunnels,
        Self::UseFiles,
    ];

    /// The spelling in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateSpaces => "CREATE_SPACES",
            Self::ShareSpaces => "SHARE_SPACES",
            Self::UseTerminal => "USE_TERMINAL",
            Self::UseSsh => "USE_SSH",
            Self::UseCodeServer => "USE_CODE_SERVER",
            Self::UseVscodeTunnel => "USE_VSCODE_TUNNEL",
            Self::UseVnc => "USE_VNC",
            Self::UsePortForward => "USE_PORT_FORWARD",
            Self::UseTunnels => "USE_TUNNELS",
            Self::UseFiles => "USE_FILES",
            Self::ManageSpaces => "MANAGE_SPACES",
            Self::EnterSpaces => "ENTER_SPACES",
            Self::ManageTemplates => "MANAGE_TEMPLATES",
            Self::ManageUsers => "MANAGE_USERS",
            Self::ManageGroups => "MANAGE_GROUPS",
            Self::ManageRoles => "MANAGE_ROLES",
            Self::ViewAuditLog => "VIEW_AUDIT_LOG",
        }
    }

    /// What using `feature` needs.
    pub const fn to_use(feature: Feature) -> Self {
        match feature {
            Feature::Terminal => Self::UseTerminal,
            Feature::Ssh => Self::UseSsh,
            Feature::CodeServer => Self::UseCodeServer,
            Feature::VscodeTunnel => Self::UseVscodeTunnel,
            Feature::Vnc => Self::UseVnc,
            Feature::PortForward => Self::UsePortForward,
            Feature::Tunnels => Self::UseTunnels,
            Feature::Files => Self::UseFiles,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn permissions_are_spelled_as_they_are_kept() {
        for permission in Permission::ALL {
            let kept = serde_json::to_string(&permission).expect("serialises");
            assert_eq!(kept, format!("\"{}\"", permission.as_str()));
        }
    }

    #[test]
    fn each_feature_has_a_permission_of_its_own_that_developers_have() {
        let needed: BTreeSet<_> = Feature::ALL.into_iter().map(Permission::to_use).collect();
        assert_eq!(needed.len(), Feature::ALL.len());
        assert!(needed.iter().all(|it| Permission::DEVELOPER.contains(it)));
    }
}
