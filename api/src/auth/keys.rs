//! The key that signs what Spaceport vouches for: Ed25519, published as JWKS.
//!
//! The key is a file below the data directory, made at the first start. Replicas that share a
//! database share it too.

use std::{io, path::Path};

use ed25519_dalek::{
    SigningKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, spki::der::pem::LineEnding},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use spaceport_domain::{
    id::{SessionId, UserId},
    ticket::Ticket,
    time::Timestamp,
};

use super::files;

/// Whom a sign-in is shown to. What was signed for one says nothing to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// GraphQL, by whatever sends a bearer token.
    Api,
    /// The pages on a browser's way in, by their cookie: over plain HTTP a browser sends it to every
    /// port of the host, so it must be no bearer token.
    Entrance,
}

impl Audience {
    /// Its name in what is signed; a ticket made for the edge has neither.
    fn name(self) -> &'static str {
        match self {
            Self::Api => "spaceport-api",
            Self::Entrance => "spaceport-entrance",
        }
    }
}

/// What a sign-in token says. Its session must also still be open in the database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignInClaims {
    /// The user.
    pub sub: UserId,
    /// The session.
    pub sid: SessionId,
    /// When it was made, in seconds since the Unix epoch.
    pub iat: i64,
    /// When it ends, in seconds since the Unix epoch.
    pub exp: i64,
    /// Whom it is for: the name of an [`Audience`].
    pub aud: String,
}

/// A key can't be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file can't be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The file holds no key, or signing failed.
    #[error("the signing key is not usable: {0}")]
    Unusable(String),
}

/// Signs and verifies.
pub struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    key_id: String,
    public: [u8; 32],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

impl Keys {
    /// Reads the key below `data_dir`, or makes it.
    pub fn open(data_dir: &Path) -> Result<Self, KeyError> {
        let path = data_dir.join("keys").join("signing.pem");
        let pem = files::read_or_create(&path, || {
            let key = SigningKey::from_bytes(&rand::random());
            let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(io::Error::other)?;
            Ok(pem.as_bytes().to_vec())
        })
        .map_err(|source| KeyError::File {
            path: path.display().to_string(),
            source,
        })?;
        Self::from_pem(&pem)
    }

    fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let unusable = |error: &dyn std::fmt::Display| KeyError::Unusable(error.to_string());
        let text = std::str::from_utf8(pem).map_err(|error| unusable(&error))?;
        let key = SigningKey::from_pkcs8_pem(text).map_err(|error| unusable(&error))?;
        let public = key.verifying_key().to_bytes();
        let fingerprint = Sha256::digest(public);
        Ok(Self {
            encoding: EncodingKey::from_ed_pem(pem).map_err(|error| unusable(&error))?,
            decoding: DecodingKey::from_ed_components(&base64_url(&public))
                .map_err(|error| unusable(&error))?,
            key_id: base64_url(&fingerprint[..12]),
            public,
        })
    }

    /// A token for this sign-in, for `audience` alone.
    pub fn sign(
        &self,
        audience: Audience,
        user: UserId,
        session: SessionId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<String, KeyError> {
        let claims = SignInClaims {
            sub: user,
            sid: session,
            iat: now.as_millis() / 1000,
            exp: expires_at.as_millis() / 1000,
            aud: audience.name().to_owned(),
        };
        self.encode(&claims)
    }

    /// The text of a ticket.
    pub fn sign_ticket(&self, ticket: &Ticket) -> Result<String, KeyError> {
        self.encode(ticket)
    }

    fn encode(&self, claims: &impl Serialize) -> Result<String, KeyError> {
        let header = Header {
            kid: Some(self.key_id.clone()),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, claims, &self.encoding)
            .map_err(|error| KeyError::Unusable(error.to_string()))
    }

    /// What `token` says, when this key signed it for `audience` and it has not expired.
    pub fn verify(&self, audience: Audience, token: &str) -> Option<SignInClaims> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[audience.name()]);
        validation.leeway = 0;
        let decoded = jsonwebtoken::decode::<SignInClaims>(token, &self.decoding, &validation);
        decoded.ok().map(|decoded| decoded.claims)
    }

    /// The public key as a JSON Web Key Set (RFC 7517, RFC 8037).
    pub fn jwks(&self) -> serde_json::Value {
        serde_json::json!({ "keys": [{
            "kty": "OKP",
            "crv": "Ed25519",
            "alg": "EdDSA",
            "use": "sig",
            "kid": self.key_id,
            "x": base64_url(&self.public),
        }] })
    }
}

fn base64_url(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn keys() -> Keys {
        let key = SigningKey::from_bytes(&rand::random());
        let pem = key.to_pkcs8_pem(LineEnding::LF).expect("encodes");
        Keys::from_pem(pem.as_bytes()).expect("a key")
    }

    #[test]
    fn a_token_is_good_until_it_expires_for_its_audience_and_with_its_own_key() {
        let keys = keys();
        let ids = (
            UserId::new(Uuid::from_u128(1)),
            SessionId::new(Uuid::from_u128(2)),
        );
        let now = Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
        let in_ms = |ms: i64| Timestamp::from_millis(now.as_millis() + ms);
        let sign = |audience, from, until| {
            let signed = keys.sign(audience, ids.0, ids.1, in_ms(from), in_ms(until));
            signed.expect("signs")
        };
        for (audience, other) in [
            (Audience::Api, Audience::Entrance),
            (Audience::Entrance, Audience::Api),
        ] {
            let token = sign(audience, 0, 60_000);
            let claims = keys.verify(audience, &token).expect("is good");
            assert_eq!((claims.sub, claims.sid), ids);
            assert!(keys.verify(other, &token).is_none(), "{audience:?}");
            assert!(self::keys().verify(audience, &token).is_none());
            let expired = sign(audience, -60_000, -2_000);
            assert!(keys.verify(audience, &expired).is_none());
        }
        let token = sign(Audience::Api, 0, 60_000);
        let mut forged = token.into_bytes();
        let last = forged.len() - 10;
        forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).expect("text");
        assert!(keys.verify(Audience::Api, &forged).is_none());
    }
}
