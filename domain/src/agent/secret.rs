//! What the edge proves to an agent that it is the edge.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::spelling;

/// The secret of one start of a space, which edge and control plane know. The space itself knows
/// its SHA-256 alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret([u8; 32]);

/// The text is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 64 hexadecimal digits")]
pub struct SecretError;

impl Secret {
    /// The secret of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, to be hashed.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its spelling on the wire.
    pub fn reveal(&self) -> String {
        spelling::hex(&self.0)
    }
}

/// It is in no log.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let digit = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(SecretError),
        };
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
            return Err(SecretError);
        };
        let bytes: Vec<u8> = pairs
            .iter()
            .map(|[high, low]| Ok(digit(*high)? << 4 | digit(*low)?))
            .collect::<Result<_, _>>()?;
        bytes.try_into().map(Self).map_err(|_| SecretError)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.reveal())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_one_spelling_and_is_shown_nowhere() {
        let secret = Secret::new([0x0f; 32]);
        assert_eq!(secret.reveal().parse(), Ok(secret));
        assert!(!format!("{secret:?}").contains("0f"));
        for bad in [
            "",
            "0",
            &"0f".repeat(31),
            &"0F".repeat(32),
            &"0g".repeat(32),
        ] {
            assert_eq!(bad.parse::<Secret>(), Err(SecretError), "{bad}");
        }
    }
}
