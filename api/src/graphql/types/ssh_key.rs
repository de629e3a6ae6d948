//! SSH keys.

use async_graphql::{ID, Object};

use super::scalars::DateTime;
use crate::store;

/// An SSH public key of a user.
#[derive(Clone)]
pub struct SshKey(pub store::SshKey);

/// An SSH public key of a user.
#[Object]
impl SshKey {
    /// The key's global identifier.
    async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// What its owner calls it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Its fingerprint, as `ssh-keygen -lf` prints it: `SHA256:` and base64.
    async fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// Its algorithm, as in the key: `ssh-ed25519` and so on.
    async fn algorithm(&self) -> &str {
        &self.0.algorithm
    }

    /// The key itself, without the comment.
    async fn public_key(&self) -> &str {
        &self.0.public_key
    }

    /// When it was added.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When somebody last signed in with it. Absent when nobody ever did.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.0.last_used_at.map(DateTime)
    }
}
