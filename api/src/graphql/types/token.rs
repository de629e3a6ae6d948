//! Tokens for programs.

use async_graphql::{ID, Object};

use super::{enums::ApiTokenScope, scalars::DateTime};
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

    /// What it may be used for.
    async fn scopes(&self) -> Vec<ApiTokenScope> {
        self.0.scopes.iter().map(ApiTokenScope::from).collect()
    }

    /// When it was last used to begin a request or a connection, to about a minute. Absent when it
    /// never was.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.0.last_used_at.map(DateTime)
    }

    /// When it was taken back.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.0.revoked_at.map(DateTime)
    }
}
