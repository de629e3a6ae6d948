//! Using a feature of a space.

use std::collections::BTreeSet;

use spaceport_domain::{
    access::{Actor, FeatureBar, feature_bar},
    problem::{Problem, ProblemCode},
    space::Space,
    template::Feature,
};

use super::spaces::no_such_space;

/// Refuses an actor who can't use `feature` of a space whose template enables `enabled`, and which
/// is or isn't shared with them. Who manages a space, but may not enter it, makes no way in for
/// themselves either.
pub(super) fn require_feature(
    actor: &Actor,
    space: &Space,
    is_shared: bool,
    feature: Feature,
    enabled: &BTreeSet<Feature>,
) -> Result<(), Problem> {
    let relation = actor.relation_to(space.owner_id, is_shared);
    let relation = relation.ok_or_else(no_such_space)?;
    let bar = feature_bar(feature, enabled, &actor.permissions, relation);
    let lacks = || space.lacks(feature).then_some(FeatureBar::NotInImage);
    let Some(bar) = bar.or_else(lacks) else {
        return Ok(());
    };
    let name = feature.as_str();
    let (code, message) = match bar {
        FeatureBar::TemplateDisabled => (
            ProblemCode::FeatureDisabled,
            format!("the space's template doesn't enable {name}"),
        ),
        FeatureBar::NotSupported => (
            ProblemCode::FeatureDisabled,
            format!("this version of Spaceport doesn't carry {name}"),
        ),
        FeatureBar::NotInImage => (
            ProblemCode::FeatureUnavailable,
            format!("the space's image has no program for {name}"),
        ),
        FeatureBar::NotShared => (
            ProblemCode::Forbidden,
            format!("the space is shared with you, and that doesn't include {name}"),
        ),
        FeatureBar::PermissionMissing => (
            ProblemCode::Forbidden,
            format!("your roles don't allow you {name} in this space"),
        ),
    };
    Err(Problem::new(code, message).at(["spaceId"]))
}
