//! A space that is shared: somebody else may see it, and use its terminal and SSH. Nothing more.

use crate::{
    id::{SpaceId, UserId},
    time::Timestamp,
};

/// The most users a space is shared with.
pub const SHARES_MAX: usize = 100;

/// One space shared with one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which space.
    pub space_id: SpaceId,
    /// With whom.
    pub user_id: UserId,
    /// Since when.
    pub created_at: Timestamp,
}
