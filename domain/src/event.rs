//! What is told of changes, in the one order in which they were committed.
//!
//! Every change writes its event in its own transaction and takes the next number of one sequence
//! without gaps. The number is the *cursor*: whoever has seen everything up to a cursor misses
//! nothing by asking for what comes after it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    access::Sight,
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
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all events are of spaces, and none is moved once it is made"
)]
pub enum EventBody {
    /// A space.
    #[serde(rename_all = "camelCase")]
    Space {
        /// How.
        change: SpaceChange,
        /// The space after the change.
        space: Space,
        /// Whom it is shared with after the change.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        shared_with: Vec<UserId>,
        /// Who could see it before the change and can't any more.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lost_by: Vec<UserId>,
    },
    /// A tunnel.
    Tunnel {
        /// How.
        change: TunnelChange,
        /// The tunnel after the change, or before its deletion.
        tunnel: Tunnel,
    },
    /// What a user may consume, how they are called, or what they are known by.
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
    /// Whom it is shared with changed.
    Shares,
    /// It has another owner.
    Owner,
    /// How its apps are changed, by what its agent says.
    Apps,
    /// It is gone.
    Deleted,
}

/// How much of an event somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// All of it.
    Whole,
    /// Only that they can't see the thing any more.
    Loss,
}

/// How a tunnel changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TunnelChange {
    /// It was made.
    Created,
    /// Its name and with it the hostname, its port, or whether visitors are let in changed.
    Updated,
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

    /// What somebody with this sight is told of a space's or a tunnel's change; `None` when they
    /// may not know of it. Accounts are nobody's to follow.
    pub fn told_to(&self, sight: Sight) -> Option<Told> {
        match (self, sight) {
            (Self::Space { .. } | Self::Tunnel { .. }, Sight::All) => Some(Told::Whole),
            (
                Self::Space {
                    space,
                    shared_with,
                    lost_by,
                    ..
                },
                Sight::Of(user),
            ) => {
                if space.owner_id == user || shared_with.contains(&user) {
                    Some(Told::Whole)
                } else {
                    lost_by.contains(&user).then_some(Told::Loss)
                }
            }
            (Self::Tunnel { tunnel, .. }, Sight::Of(user)) => {
                (tunnel.owner_id == user).then_some(Told::Whole)
            }
            (Self::User { .. } | Self::Access { .. } | Self::SignInEnded { .. }, _) => None,
        }
    }

    /// Whether what `user` may consume or consumes may have changed.
    pub fn concerns_quota_of(&self, user: UserId) -> bool {
        match self {
            Self::Space {
                change,
                space,
                lost_by,
                ..
            } => {
                *change != SpaceChange::Apps && (space.owner_id == user || lost_by.contains(&user))
            }
            Self::Tunnel { tunnel, .. } => tunnel.owner_id == user,
            Self::User { user_id } => *user_id == user,
            Self::Access { .. } | Self::SignInEnded { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        id::{TemplateId, TemplateVersionId},
        lifecycle::SpaceState,
    };

    fn user(n: u128) -> UserId {
        UserId::new(Uuid::from_u128(n))
    }

    fn shared(owner: u128, with: &[u128], lost_by: &[u128]) -> EventBody {
        let users = |all: &[u128]| all.iter().copied().map(user).collect();
        EventBody::Space {
            change: SpaceChange::Shares,
            space: Space {
                id: SpaceId::new(Uuid::from_u128(9)),
                owner_id: user(owner),
                name: "web".parse().expect("a name"),
                description: String::new(),
                template_id: TemplateId::new(Uuid::from_u128(8)),
                template_version_id: TemplateVersionId::new(Uuid::from_u128(7)),
                state: SpaceState::created(),
                address: None,
                agent_version: None,
                apps: None,
                compute_units: 1,
                storage_units: 0,
                created_at: Timestamp::from_millis(0),
                started_at: None,
                stopped_at: None,
                revision: 1,
            },
            shared_with: users(with),
            lost_by: users(lost_by),
        }
    }

    #[test]
    fn a_change_is_told_to_who_may_see_the_space_and_its_loss_to_who_could() {
        let event = shared(1, &[2], &[3]);
        for (n, told) in [
            (1, Some(Told::Whole)),
            (2, Some(Told::Whole)),
            (3, Some(Told::Loss)),
            (4, None),
        ] {
            assert_eq!(event.told_to(Sight::Of(user(n))), told, "{n}");
        }
        assert_eq!(event.told_to(Sight::All), Some(Told::Whole));
        assert!(event.concerns_quota_of(user(1)) && !event.concerns_quota_of(user(2)));
    }

    #[test]
    fn how_apps_are_is_told_to_who_sees_the_space_and_costs_nobody_anything() {
        let mut event = shared(1, &[2], &[]);
        let EventBody::Space { change, .. } = &mut event else {
            panic!("it is of a space");
        };
        *change = SpaceChange::Apps;
        assert_eq!(event.told_to(Sight::Of(user(2))), Some(Told::Whole));
        assert!(!event.concerns_quota_of(user(1)));
    }

    #[test]
    fn who_gets_a_space_back_in_the_same_change_has_not_lost_it() {
        let event = shared(1, &[3], &[3]);
        assert_eq!(event.told_to(Sight::Of(user(3))), Some(Told::Whole));
    }

    #[test]
    fn an_event_from_before_there_was_sharing_is_still_read() {
        let mut old = serde_json::to_value(shared(1, &[], &[])).expect("serialises");
        assert!(old.get("sharedWith").is_none() && old.get("lostBy").is_none());
        old["change"] = "UPDATED".into();
        let read: EventBody = serde_json::from_value(old).expect("is read");
        assert_eq!(read.told_to(Sight::Of(user(1))), Some(Told::Whole));
    }

    #[test]
    fn only_plain_digits_are_a_cursor() {
        assert_eq!("17".parse(), Ok(Cursor::new(17)));
        for bad in ["", "-1", "+1", "1x", "99999999999999999999", " 1"] {
            assert_eq!(bad.parse::<Cursor>(), Err(CursorError), "{bad:?}");
        }
    }
}
