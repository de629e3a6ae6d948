//! What mutations of users who leave take.

use async_graphql::{Enum, ID, InputObject, OneofObject};

use crate::app::departures::Estate;

/// Names a user.
#[derive(InputObject)]
pub struct UserIdInput {
    /// The user.
    pub user_id: ID,
}

/// Whom to delete, and what becomes of their spaces.
#[derive(InputObject)]
pub struct DeleteUserInput {
    /// The user.
    pub user_id: ID,
    /// What becomes of their spaces.
    pub spaces: DeleteUserSpaces,
}

/// What becomes of the spaces of a user who is deleted: exactly one of these.
#[derive(OneofObject)]
pub enum DeleteUserSpaces {
    /// Nobody gets them.
    Policy(SpacesPolicy),
    /// The user of this name gets them, with their volumes and tunnels; the hostnames of the
    /// tunnels change, because they hold the owner's name. What runs goes on running. Refused when
    /// one of the names is taken there, or when that user's quota does not suffice.
    TransferTo(String),
}

/// What becomes of spaces that nobody gets.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpacesPolicy {
    /// The user is deleted only when they have none, else the mutation is refused with
    /// `HAS_SPACES`. Spaces that are being deleted don't count.
    Refuse,
    /// They are deleted with their volumes and tunnels, for good. The user is gone at once; the
    /// spaces are `DELETING` until nothing is left of them.
    Delete,
}

impl From<DeleteUserSpaces> for Estate {
    fn from(spaces: DeleteUserSpaces) -> Self {
        match spaces {
            DeleteUserSpaces::Policy(SpacesPolicy::Refuse) => Self::Refuse,
            DeleteUserSpaces::Policy(SpacesPolicy::Delete) => Self::Delete,
            DeleteUserSpaces::TransferTo(name) => Self::Transfer(name),
        }
    }
}
