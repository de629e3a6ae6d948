//! GraphQL over HTTP, WebSocket and server-sent events.

mod accept;
mod auth;
mod cache;
mod cost;
mod documents;
mod endpoint;
mod event_stream;
mod fanout;
mod fault;
mod guard;
mod http;
mod inputs;
mod limits;
mod operation;
mod origin;
mod outcome;
mod params;
mod position;
mod scan;
mod validation;
mod variables;
mod websocket;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_graphql::Executor;
use axum::{Router, routing::any};
use tokio_util::sync::CancellationToken;

pub use self::{
    auth::{AuthError, Authenticate, Authenticated, RequestInfo},
    limits::{ConnectionLimits, DocumentLimits, TransportLimits},
    position::Position,
};
use self::{endpoint::Endpoint, validation::Rules};

/// How the endpoint behaves.
#[derive(Clone, Debug, Default)]
pub struct TransportConfig {
    /// Every bound.
    pub limits: TransportLimits,
    /// Which status codes failures get.
    pub status_profile: StatusProfile,
    /// Origins whose pages may open a WebSocket, besides the host the request is for. Written as
    /// browsers send them: `https://console.example.com`.
    pub allowed_origins: Vec<String>,
    /// Cancelled when the server stops: long-lived connections end and clients come back.
    pub shutdown: CancellationToken,
}

/// Which status codes an `application/graphql-response+json` answer gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatusProfile {
    /// What the audits of the `graphql-http` package ask for: 400 for a document that can't be
    /// executed, 200 for a partial result, and `application/json` where the client has no wish.
    #[default]
    Audits,
    /// What the draft of GraphQL over HTTP of August 2026 asks for: 422 for a document that does
    /// not validate, 294 for a partial result, and `application/graphql-response+json` where the
    /// client has no wish.
    Draft,
}

/// The route `/graphql`. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`, or
/// [`RequestInfo::address`] is unknown.
///
/// `sdl` is the executor's schema. Documents are validated here, so the executor may leave most of
/// it ([`async_graphql::ValidationMode::Fast`]).
///
/// # Errors
///
/// When the schema is not valid.
pub fn router<E: Executor>(
    executor: E,
    sdl: &str,
    authenticate: Arc<dyn Authenticate>,
    config: TransportConfig,
) -> anyhow::Result<Router> {
    let rules = Rules::new(sdl, &config.limits.document)?;
    let endpoint = Arc::new(Endpoint::new(executor, rules, authenticate, config));
    Ok(Router::new()
        .route("/graphql", any(endpoint::entry::<E>))
        .with_state(endpoint))
}
