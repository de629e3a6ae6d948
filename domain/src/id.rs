//! Typed identifiers.
//!
//! Inside, an identifier is a UUID (version 7 when Spaceport makes it, so that identifiers sort by
//! age). Outside it is spelled `<kind>_<32 hex digits>`, for example
//! `space_0190c2a4b6d87c3e8f1a2b3c4d5e6f70`: globally unique as Relay asks, and readable in a log.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// Why a text is not an identifier of the wanted kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of a {kind}")]
pub struct IdError {
    /// The kind that was expected, as in the identifier's prefix.
    pub kind: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The prefix of the public spelling, without the underscore.
            pub const KIND: &'static str = $prefix;

            /// The identifier with this UUID.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID, as databases and engines keep it.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", Self::KIND, self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(parse_simple)
                    .map(Self)
                    .ok_or(IdError { kind: Self::KIND })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A space.
    SpaceId = "space";
    /// A template; its versions have identifiers of their own.
    TemplateId = "template";
    /// One immutable version of a template.
    TemplateVersionId = "templateversion";
    /// A user.
    UserId = "user";
    /// A group of users.
    GroupId = "group";
    /// A role: a named set of permissions.
    RoleId = "role";
    /// A volume of a space.
    VolumeId = "volume";
    /// A public tunnel to one port of one space.
    TunnelId = "tunnel";
    /// A sign-in of a user.
    SessionId = "session";
    /// A long-lived token a user made for a program.
    ApiTokenId = "apitoken";
    /// An SSH public key of a user.
    SshKeyId = "sshkey";
    /// An entry of the audit log.
    AuditEntryId = "auditentry";
}

/// Only the one spelling is accepted, so that an identifier compares equal exactly when its text does.
fn parse_simple(hex: &str) -> Option<Uuid> {
    let canonical = hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    canonical.then(|| Uuid::try_parse(hex).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_public_spelling_reads_back(bits: u128) {
            let id = SpaceId::new(Uuid::from_u128(bits));
            prop_assert_eq!(id.to_string().parse::<SpaceId>(), Ok(id));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,80}") {
            let _ = text.parse::<SpaceId>();
        }
    }

    #[test]
    fn an_identifier_of_another_kind_is_refused() {
        let id = SpaceId::new(Uuid::from_u128(7));
        assert_eq!(
            id.to_string().parse::<UserId>(),
            Err(IdError { kind: "user" })
        );
        assert!(
            "space_00000000-0000-0000-0000-000000000007"
                .parse::<SpaceId>()
                .is_err()
        );
        assert!(id.to_string().to_uppercase().parse::<SpaceId>().is_err());
    }
}
