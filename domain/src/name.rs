//! Names that become parts of hostnames.
//!
//! A name is a DNS label (RFC 1123 §2.1) in lower case without `--`, because `--` separates names
//! inside one label of a hostname (see [`crate::hostname`]).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The most characters a DNS label has (RFC 1035 §2.3.4).
pub const LABEL_MAX: usize = 63;
/// The most characters a user's name has: half a label, so that every user can name things.
pub const USER_NAME_MAX: usize = 30;

/// Why a text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("must not be empty")]
    Empty,
    /// The text is longer than `max` characters.
    #[error("must be at most {max} characters long")]
    TooLong {
        /// The most characters allowed.
        max: usize,
    },
    /// The text has a character other than `a-z`, `0-9` and `-`.
    #[error("may contain only lower-case letters, digits and hyphens")]
    Character,
    /// The text begins or ends with a hyphen.
    #[error("must begin and end with a letter or a digit")]
    Edge,
    /// The text has two hyphens in a row.
    #[error("must not contain two hyphens in a row")]
    DoubleHyphen,
}

fn check(text: &str, max: usize) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > max {
        return Err(NameError::TooLong { max });
    }
    if !text
        .bytes()
        .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    {
        return Err(NameError::Character);
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err(NameError::Edge);
    }
    if text.contains("--") {
        return Err(NameError::DoubleHyphen);
    }
    Ok(())
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $max:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check(text, $max).map(|()| Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                check(&text, $max).map(|()| Self(text))
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// The name of a space, unique among its owner's spaces.
    SpaceName, LABEL_MAX;
    /// The name a user signs in with, unique in the installation.
    UserName, USER_NAME_MAX;
    /// The name of a tunnel, unique among its owner's tunnels.
    TunnelName, LABEL_MAX;
    /// The name of a volume or a port inside a template.
    PartName, LABEL_MAX;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_never_holds_the_separator(text in "[a-z0-9-]{0,70}") {
            if let Ok(name) = text.parse::<SpaceName>() {
                prop_assert!(!name.as_str().contains("--"));
                prop_assert!((1..=LABEL_MAX).contains(&name.as_str().len()));
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
            let _ = text.parse::<SpaceName>();
        }
    }

    #[test]
    fn each_mistake_has_its_own_error() {
        let error = |text: &str| text.parse::<UserName>().expect_err(text);
        assert_eq!(error(""), NameError::Empty);
        assert_eq!(error(&"a".repeat(31)), NameError::TooLong { max: 30 });
        assert_eq!(error("Ada"), NameError::Character);
        assert_eq!(error("a.b"), NameError::Character);
        assert_eq!(error("ä"), NameError::Character);
        assert_eq!(error("-a"), NameError::Edge);
        assert_eq!(error("a-"), NameError::Edge);
        assert_eq!(error("a--b"), NameError::DoubleHyphen);
        assert!("a-1".parse::<UserName>().is_ok());
    }
}
