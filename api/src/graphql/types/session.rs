//! Sign-ins.

use async_graphql::{Context, ID, Object, Result};
use spaceport_domain::event::SignIn;

use super::scalars::DateTime;
use crate::{graphql::caller::Call, store};

/// A sign-in with a password that holds.
#[derive(Clone)]
pub struct Session(pub store::Session);

/// A sign-in with a password that holds.
#[Object]
impl Session {
    /// The sign-in's global identifier.
    async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it was last used to begin a request or a connection, to about a minute.
    async fn last_used_at(&self) -> DateTime {
        self.0.last_used_at.unwrap_or(self.0.created_at).into()
    }

    /// When it ends by itself.
    async fn expires_at(&self) -> DateTime {
        self.0.expires_at.into()
    }

    /// The address it was made from; empty when unknown.
    async fn address(&self) -> &str {
        &self.0.address
    }

    /// The program it was made with, as it called itself; empty when it didn't.
    async fn user_agent(&self) -> &str {
        &self.0.user_agent
    }

    /// Whether this request is made with it.
    async fn current(&self, context: &Context<'_>) -> Result<bool> {
        Ok(context.signed_in()?.sign_in == SignIn::Session(self.0.id))
    }
}
