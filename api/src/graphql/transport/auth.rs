//! Who is calling, as far as the transport needs to know.

use std::{net::IpAddr, sync::Arc, time::Duration};

use async_graphql::Data;
use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

/// Turns credentials into a caller. Asked once for every HTTP request, and once for every
/// WebSocket when its `connection_init` arrives.
#[async_trait]
pub trait Authenticate: Send + Sync + 'static {
    /// `credentials` is the value of the `Authorization` header, or of `authorization` in the
    /// payload of `connection_init`: `Bearer <token>`. Without any the caller is anonymous, which
    /// is not an error here: signing in needs it.
    async fn authenticate(
        &self,
        credentials: Option<&str>,
        request: &RequestInfo,
    ) -> Result<Authenticated, AuthError>;
}

/// Where a request comes from.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    /// The client's address; `None` when the server was not started with connect info.
    pub address: Option<IpAddr>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The id in the `x-request-id` header of the response, and in logs.
    pub request_id: String,
}

/// A caller who may go on, anonymous or not.
#[derive(Clone)]
pub struct Authenticated {
    data: Arc<dyn Fn() -> Data + Send + Sync>,
    /// Stands for everything about the caller that what they are shown depends on: to who has the
    /// same view, the same is shown. `None` when that can't be said.
    pub view: Option<[u8; 32]>,
    /// Cancelled when the sign-in is revoked or expires: subscriptions end within a second of it.
    /// Hold the whole caller to learn of it, not this alone.
    pub ended: CancellationToken,
    /// Whether the caller may ask for the schema. Who may not is told so for `__schema`, and finds
    /// that `__type` is `null`.
    pub introspection: bool,
}

impl Authenticated {
    /// `data` is called once for every operation, so that what must not outlive one (a data
    /// loader) is made anew on a WebSocket that carries many.
    pub fn new(
        ended: CancellationToken,
        introspection: bool,
        view: Option<[u8; 32]>,
        data: impl Fn() -> Data + Send + Sync + 'static,
    ) -> Self {
        Self {
            data: Arc::new(data),
            view,
            ended,
            introspection,
        }
    }

    /// What the resolvers of one operation find in their context.
    pub fn operation_data(&self) -> Data {
        (self.data)()
    }
}

/// Why nobody is let in.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The credentials are malformed, unknown, revoked or expired.
    #[error("the credentials are not valid")]
    Invalid,
    /// The caller is known and not let in.
    #[error("access is not allowed")]
    Forbidden,
    /// Too many attempts.
    #[error("too many attempts")]
    RateLimited {
        /// When to try again.
        retry_after: Duration,
    },
    /// Our fault: what decides can't be asked. The cause is for the log.
    #[error("the credentials can't be checked now")]
    Unavailable(#[source] anyhow::Error),
}
