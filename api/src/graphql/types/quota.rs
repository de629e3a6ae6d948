//! What a user may consume and does.

use async_graphql::SimpleObject;
use spaceport_domain::quota::{Limits, Resource, Units};

use super::scalars::int;

/// What a user may consume and does.
#[derive(SimpleObject)]
pub struct Quota {
    /// Spaces that are not deleted.
    spaces: QuotaUsage,
    /// Compute units of spaces that are starting, running or stopping.
    compute_units: QuotaUsage,
    /// GiB of declared volume size of spaces that are not deleted.
    storage_units: QuotaUsage,
    /// Tunnels.
    tunnels: QuotaUsage,
}

/// The use of one resource.
#[derive(SimpleObject)]
pub struct QuotaUsage {
    /// What is in use.
    used: i32,
    /// The effective limit: the user's own and what their groups grant. Absent: unlimited.
    limit: Option<i32>,
}

impl From<(Limits, Units)> for Quota {
    fn from((limits, used): (Limits, Units)) -> Self {
        let usage = |resource| QuotaUsage {
            used: int(used.get(resource)),
            limit: limits.get(resource).map(int),
        };
        Self {
            spaces: usage(Resource::Spaces),
            compute_units: usage(Resource::ComputeUnits),
            storage_units: usage(Resource::StorageUnits),
            tunnels: usage(Resource::Tunnels),
        }
    }
}

/// Limits as somebody set them.
#[derive(SimpleObject)]
#[graphql(name = "Limits")]
pub struct LimitsObject {
    /// Of spaces.
    spaces: Option<i32>,
    /// Of compute units.
    compute_units: Option<i32>,
    /// Of storage units.
    storage_units: Option<i32>,
    /// Of tunnels.
    tunnels: Option<i32>,
}

impl From<Limits> for LimitsObject {
    fn from(limits: Limits) -> Self {
        Self {
            spaces: limits.spaces.map(int),
            compute_units: limits.compute_units.map(int),
            storage_units: limits.storage_units.map(int),
            tunnels: limits.tunnels.map(int),
        }
    }
}
