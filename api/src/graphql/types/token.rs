//! Tokens for programs.

use async_graphql::{ID, Object};

use super::scalars::DateTime;
use crate::store;

/// A long-lived token for a program. The token itself is shown once, when it is made.
#[derive(Clone)]
pub struct ApiToken(pub store::ApiToken);

/// A long-lived token for a program. The token itself is shown once, when it is made.
#[Object]
impl ApiToken {
    /// The token's global identifier.
    async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// What its owner calls it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it ends by itself.
    async fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(DateTime)
    }

    /// When it was taken back.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.0.revoked_at.map(DateTime)
    }
}
