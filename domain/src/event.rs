//! What is told of changes, in the one order in which they were committed.
//!
//! Every change writes its event in its own transaction and takes the next number of one sequence
//! without gaps. The number is the *cursor*: whoever has seen everything up to a cursor misses
//! nothing by asking for what comes after it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    id::{ApiTokenId, SessionId, SpaceId, UserId},
    space::Space,
    time::Timestamp,
    tunnel::Tunnel,
};

/// A position in the event log: the number of the last event it includes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(i64);

impl Cursor {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// The position that includes event number `seq`.
    pub const fn new(seq: i64) -> Self {
        Self(seq)
    }

    /// The number of the last event included.
    pub const fn seq(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A text is not a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of the event log")]
pub struct CursorError;

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        plain
            .then(|| text.parse().ok())
            .flatten()
            .map(Self)
            .ok_or(CursorError)
    }
}

/// One change, and what it left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place in the order.
    pub cursor: Cursor,
    /// When it was committed.
    pub at: Timestamp,
    /// What changed.
    pub body: EventBody,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum EventBody {
    /// A space.
    Space {
        /// How.
        change: SpaceChange,
        /// The space after the change.
        space: Space,
    },
    /// A tunnel.
    Tunnel {
        /// How.
        change: TunnelChange,
        /// The tunnel after the change, or before its deletion.
        tunnel: Tunnel,
    },
    /// What a user may consume, or how they are called.
    #[serde(rename_all = "camelCase")]
    User {
        /// The user.
        user_id: UserId,
    },
    /// What a user may do: whatever runs with what they could do before ends.
    #[serde(rename_all = "camelCase")]
    Access {
        /// The user.
        user_id: UserId,
    },
    /// A sign-in ended before its time: what runs on it ends too.
    #[serde(rename_all = "camelCase")]
    SignInEnded {
        /// Whose it was.
        user_id: UserId,
        /// Which one.
        sign_in: SignIn,
    },
}

/// What a caller's credentials stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SignIn {
    /// A sign-in with a password.
    Session(SessionId),
    /// A long-lived token for a program.
    ApiToken(ApiTokenId),
}

/// How a space changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SpaceChange {
    /// It was made.
    Created,
    /// Its status or desired status changed.
    Status,
    /// Something else about it changed.
    Updated,
    /// It is gone.
    Deleted,
}

/// How a tunnel changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TunnelChange {
    /// It was made.
    Created,
    /// It is gone.
    Deleted,
}

impl EventBody {
    /// The space that changed, or whose tunnel did.
    pub const fn space_id(&self) -> Option<SpaceId> {
        match self {
            Self::Space { space, .. } => Some(space.id),
            Self::Tunnel { tunnel, .. } => Some(tunnel.space_id),
            Self::User { .. } | Self::Access { .. } | Self::SignInEnded { .. } => None,
        }
    }

    /// Whose thing changed.
    pub const fn owner_id(&self) -> UserId {
        match self {
            Self::Space { space, .. } => space.owner_id,
            Self::Tunnel { tunnel, .. } => tunnel.owner_id,
            Self::User { user_id }
            | Self::Access { user_id }
            | Self::SignInEnded { user_id, .. } => *user_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_digits_are_a_cursor() {
        assert_eq!("17".parse(), Ok(Cursor::new(17)));
        for bad in ["", "-1", "+1", "1x", "99999999999999999999", " 1"] {
            assert_eq!(bad.parse::<Cursor>(), Err(CursorError), "{bad:?}");
        }
    }
}
