//! Which features of a space somebody can use.
//!
//! Three must agree: the space's template enables the feature, the user's roles allow it, and what
//! the user is to the space allows it. This one rule answers the API, and the edge asks it again
//! for every connection.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Permission, Relation};
use crate::template::Feature;

/// Why a feature of a space can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FeatureBar {
    /// The space's template doesn't enable it.
    TemplateDisabled,
    /// Sharing a space doesn't include it.
    NotShared,
    /// None of the user's roles allows it.
    PermissionMissing,
    /// This version of Spaceport doesn't carry it.
    NotSupported,
    /// The space's image has no program for it, as the space's agent says.
    NotInImage,
}

/// What sharing a space includes, besides seeing it.
pub const SHARED_FEATURES: [Feature; 2] = [Feature::Terminal, Feature::Ssh];

/// The features this version of Spaceport carries.
pub const SUPPORTED_FEATURES: [Feature; 8] = [
    Feature::Terminal,
    Feature::Ssh,
    Feature::CodeServer,
    Feature::VscodeTunnel,
    Feature::Vnc,
    Feature::PortForward,
    Feature::Tunnels,
    Feature::Files,
];

/// What keeps somebody from using `feature` of a space whose template enables `enabled`, whose
/// roles allow `permissions`, and who is `relation` to the space. `None` when nothing does.
pub fn feature_bar(
    feature: Feature,
    enabled: &BTreeSet<Feature>,
    permissions: &BTreeSet<Permission>,
    relation: Relation,
) -> Option<FeatureBar> {
    let enters = match relation {
        Relation::Owner | Relation::Shared => true,
        Relation::Administrator => permissions.contains(&Permission::EnterSpaces),
    };
    if !enabled.contains(&feature) {
        Some(FeatureBar::TemplateDisabled)
    } else if relation == Relation::Shared && !SHARED_FEATURES.contains(&feature) {
        Some(FeatureBar::NotShared)
    } else if !enters || !permissions.contains(&Permission::to_use(feature)) {
        Some(FeatureBar::PermissionMissing)
    } else if !SUPPORTED_FEATURES.contains(&feature) {
        Some(FeatureBar::NotSupported)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELATIONS: [Relation; 3] = [Relation::Owner, Relation::Shared, Relation::Administrator];

    /// Every feature × relation × template × permission, against what people are told: the owner
    /// uses what the template enables, a guest the terminal and SSH, an administrator what they
    /// may enter for; and nobody what their roles don't allow.
    #[test]
    fn template_permission_and_relation_must_agree() {
        for feature in Feature::ALL {
            for relation in RELATIONS {
                for (in_template, permitted, enters) in
                    (0..8).map(|bits| (bits & 1 > 0, bits & 2 > 0, bits & 4 > 0))
                {
                    let enabled = BTreeSet::from_iter(in_template.then_some(feature));
                    let mut permissions = BTreeSet::new();
                    permissions.extend(permitted.then_some(Permission::to_use(feature)));
                    permissions.extend(enters.then_some(Permission::EnterSpaces));
                    let by_relation = match relation {
                        Relation::Owner => true,
                        Relation::Shared => matches!(feature, Feature::Terminal | Feature::Ssh),
                        Relation::Administrator => enters,
                    };
                    let bar = feature_bar(feature, &enabled, &permissions, relation);
                    let agreed = matches!(bar, None | Some(FeatureBar::NotSupported));
                    assert_eq!(
                        agreed,
                        in_template && permitted && by_relation,
                        "{feature:?} {relation:?} {in_template} {permitted} {enters}: {bar:?}"
                    );
                    if agreed {
                        assert_eq!(bar.is_none(), SUPPORTED_FEATURES.contains(&feature));
                    }
                }
            }
        }
    }

    #[test]
    fn the_template_is_blamed_before_the_person() {
        let nothing = (BTreeSet::new(), BTreeSet::new());
        for relation in RELATIONS {
            let bar = feature_bar(Feature::Vnc, &nothing.0, &nothing.1, relation);
            assert_eq!(bar, Some(FeatureBar::TemplateDisabled));
        }
        let enabled = BTreeSet::from([Feature::Vnc]);
        let bar = feature_bar(Feature::Vnc, &enabled, &nothing.1, Relation::Shared);
        assert_eq!(bar, Some(FeatureBar::NotShared));
    }
}
