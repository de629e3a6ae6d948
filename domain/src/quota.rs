//! Limits, usage, and the check between them.
//!
//! A user's effective limit is the user's own limit plus what each of their groups grants; a user
//! without a limit of their own is unlimited. Whoever checks must hold the owner's row locked, so
//! that what is checked is still true when it is consumed.

use serde::{Deserialize, Serialize};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Resource {
    /// Spaces that are not deleted.
    Spaces,
    /// Compute units of spaces that are starting, running or stopping.
    ComputeUnits,
    /// GiB of declared volume size of spaces that are not deleted.
    StorageUnits,
    /// Tunnels.
    Tunnels,
}

impl Resource {
    /// Every resource.
    pub const ALL: [Self; 4] = [
        Self::Spaces,
        Self::ComputeUnits,
        Self::StorageUnits,
        Self::Tunnels,
    ];
}

/// One number for each resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerResource<T> {
    /// For [`Resource::Spaces`].
    pub spaces: T,
    /// For [`Resource::ComputeUnits`].
    pub compute_units: T,
    /// For [`Resource::StorageUnits`].
    pub storage_units: T,
    /// For [`Resource::Tunnels`].
    pub tunnels: T,
}

impl<T: Copy> PerResource<T> {
    /// The number for `resource`.
    pub const fn get(&self, resource: Resource) -> T {
        match resource {
            Resource::Spaces => self.spaces,
            Resource::ComputeUnits => self.compute_units,
            Resource::StorageUnits => self.storage_units,
            Resource::Tunnels => self.tunnels,
        }
    }

    /// One number for each resource, computed.
    pub fn from_fn(mut f: impl FnMut(Resource) -> T) -> Self {
        Self {
            spaces: f(Resource::Spaces),
            compute_units: f(Resource::ComputeUnits),
            storage_units: f(Resource::StorageUnits),
            tunnels: f(Resource::Tunnels),
        }
    }
}

/// Limits. On a user `None` is *unlimited*; on a group it grants nothing.
pub type Limits = PerResource<Option<i64>>;

/// Units, in use or asked for.
pub type Units = PerResource<i64>;

/// A request would pass a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("needs {requested} more, but {used} of {limit} are in use")]
pub struct Exceeded {
    /// Which limit.
    pub resource: Resource,
    /// The effective limit.
    pub limit: i64,
    /// What is in use now.
    pub used: i64,
    /// What was asked for in addition.
    pub requested: i64,
}

/// The limit that holds for a user with limits `user` who is in groups with limits `groups`.
pub fn effective<'a>(user: &Limits, groups: impl IntoIterator<Item = &'a Limits>) -> Limits {
    let granted = groups.into_iter().fold(Units::default(), |sum, group| {
        Units::from_fn(|it| sum.get(it).saturating_add(group.get(it).unwrap_or(0)))
    });
    Limits::from_fn(|it| user.get(it).map(|own| own.saturating_add(granted.get(it))))
}

/// Whether `requested` may be consumed on top of `used`. Names every limit it would pass.
///
/// What isn't asked for isn't checked: a limit lowered below the usage refuses only what is new.
pub fn check(limits: &Limits, used: &Units, requested: &Units) -> Result<(), Vec<Exceeded>> {
    let exceeded: Vec<_> = Resource::ALL
        .into_iter()
        .filter_map(|resource| {
            let (used, requested) = (used.get(resource), requested.get(resource));
            let limit = limits.get(resource)?;
            (requested > 0 && used.saturating_add(requested) > limit).then_some(Exceeded {
                resource,
                limit,
                used,
                requested,
            })
        })
        .collect();
    if exceeded.is_empty() {
        Ok(())
    } else {
        Err(exceeded)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compute(n: i64) -> Units {
        Units {
            compute_units: n,
            ..Units::default()
        }
    }

    /// Starts spaces of these compute units in turn against a limit of 10; says how many run.
    fn started(units: &[i64]) -> usize {
        let limits = Limits {
            compute_units: Some(10),
            ..Limits::default()
        };
        let mut used = 0;
        units
            .iter()
            .take_while(|&&n| {
                let granted = check(&limits, &compute(used), &compute(n)).is_ok();
                used += if granted { n } else { 0 };
                granted
            })
            .count()
    }

    #[test]
    fn the_seed_case() {
        assert_eq!(started(&[3, 3, 3, 3]), 3);
        assert_eq!(started(&[2, 2, 2, 2, 2, 2]), 5);
        assert_eq!(started(&[3, 2, 2, 2, 2]), 4);
        let limits = Limits {
            compute_units: Some(10),
            ..Limits::default()
        };
        assert_eq!(
            check(&limits, &compute(9), &compute(2)),
            Err(vec![Exceeded {
                resource: Resource::ComputeUnits,
                limit: 10,
                used: 9,
                requested: 2
            }])
        );
    }

    #[test]
    fn groups_add_to_the_users_own_limit() {
        let user = Limits {
            spaces: Some(2),
            tunnels: None,
            ..Limits::default()
        };
        let group = Limits {
            spaces: Some(3),
            tunnels: Some(1),
            ..Limits::default()
        };
        let silent = Limits::default();
        let limits = effective(&user, [&group, &group, &silent]);
        assert_eq!(limits.spaces, Some(8));
        assert_eq!(limits.tunnels, None);
    }

    #[test]
    fn a_limit_below_the_usage_refuses_only_what_is_new() {
        let limits = Limits {
            spaces: Some(1),
            compute_units: Some(9),
            ..Limits::default()
        };
        let used = Units {
            spaces: 5,
            ..Units::default()
        };
        assert!(check(&limits, &used, &compute(9)).is_ok());
        assert!(
            check(
                &limits,
                &used,
                &Units {
                    spaces: 1,
                    ..Units::default()
                }
            )
            .is_err()
        );
    }

    proptest! {
        #[test]
        fn what_is_granted_never_passes_a_limit(
            limit in 0_i64..50, requests in proptest::collection::vec(0_i64..9, 0..40)
        ) {
            let limits = Limits { compute_units: Some(limit), ..Limits::default() };
            let mut used = 0;
            for n in requests {
                if check(&limits, &compute(used), &compute(n)).is_ok() {
                    used += n;
                }
                prop_assert!(used <= limit);
            }
        }

        #[test]
        fn nothing_overflows(limit: i64, used: i64, asked: i64) {
            let limits = Limits { spaces: Some(limit), ..Limits::default() };
            let units = |spaces| Units { spaces, ..Units::default() };
            let _ = check(&limits, &units(used), &units(asked));
            let _ = effective(&limits, [&limits, &limits]);
        }
    }
}
