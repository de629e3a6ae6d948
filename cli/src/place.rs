//! How spaces are named on the command line.

use std::{fmt, str::FromStr};

use spaceport_domain::name::{NameError, SpaceName, UserName};

/// A space: `lab`, one's own, or `ada/lab`, somebody else's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpaceRef {
    /// Whose it is; one's own when nothing is said.
    pub owner: Option<UserName>,
    /// What it is called.
    pub name: SpaceName,
}

/// Why a text names no space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpaceRefError {
    /// The part before the slash is no name.
    #[error("the owner's name {0}")]
    Owner(NameError),
    /// What should be the name is none.
    #[error("the space's name {0}")]
    Name(NameError),
}

impl FromStr for SpaceRef {
    type Err = SpaceRefError;

    fn from_str(text: &str) -> Result<Self, SpaceRefError> {
        let (owner, name) = match text.split_once('/') {
            Some((owner, name)) => {
                let owner = owner.parse().map_err(SpaceRefError::Owner)?;
                (Some(owner), name)
            }
            None => (None, text),
        };
        let name = name.parse().map_err(SpaceRefError::Name)?;
        Ok(Self { owner, name })
    }
}

impl fmt::Display for SpaceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.owner {
            Some(owner) => write!(f, "{owner}/{}", self.name),
            None => self.name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_space_is_spelled_with_or_without_its_owner() {
        for text in ["lab", "ada/lab"] {
            assert_eq!(text.parse::<SpaceRef>().expect(text).to_string(), text);
        }
        for bad in ["", "/lab", "ada/", "a/b/c", "Lab", "a--b", "ada /lab"] {
            assert!(bad.parse::<SpaceRef>().is_err(), "{bad}");
        }
    }
}
