//! Where a request comes in, before it is known which protocol it speaks.

use std::{net::SocketAddr, sync::Arc};

use async_graphql::Executor;
use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::Response,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::{
    TransportConfig,
    auth::{AuthError, Authenticate, RequestInfo},
    fault::{Code, Fault},
    http,
    operation::Operations,
    validation::Rules,
    websocket,
};

/// What all requests share.
pub(super) struct Endpoint<E> {
    pub(super) operations: Operations<E>,
    pub(super) authenticate: Arc<dyn Authenticate>,
    pub(super) config: TransportConfig,
    connections: Arc<Semaphore>,
}

impl<E: Executor> Endpoint<E> {
    pub(super) fn new(
        executor: E,
        rules: Rules,
        authenticate: Arc<dyn Authenticate>,
        config: TransportConfig,
    ) -> Self {
        let connections = config.limits.connections.min(Semaphore::MAX_PERMITS);
        Self {
            operations: Operations::new(executor, rules, &config.limits),
            authenticate,
            connections: Arc::new(Semaphore::new(connections)),
            config,
        }
    }

    /// A place among the long-lived connections, given back when it is dropped.
    pub(super) fn connect(&self) -> Result<OwnedSemaphorePermit, Fault> {
        Arc::clone(&self.connections)
            .try_acquire_owned()
            .map_err(|_| Fault::new(Code::Unavailable, "There are too many connections."))
    }
}

/// The header that carries the id of a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken over from a client.
const REQUEST_ID_MAX_BYTES: usize = 64;

/// Answers whatever is asked of `/graphql`.
pub(super) async fn entry<E: Executor>(
    State(endpoint): State<Arc<Endpoint<E>>>,
    request: Request,
) -> Response {
    let info = RequestInfo {
        address: request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0.ip()),
        user_agent: text(request.headers(), &header::USER_AGENT).map(str::to_owned),
        request_id: request_id(request.headers()),
    };
    let id = HeaderValue::from_str(&info.request_id);
    let mut response = if websocket::is_upgrade(&request) {
        websocket::upgrade(endpoint, info, request).await
    } else {
        http::answer(&endpoint, &info, request).await
    };
    if let Ok(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The id the client or a proxy gave, when it is harmless in a log; else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let harmless = |id: &&str| {
        (1..=REQUEST_ID_MAX_BYTES).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match text(headers, &REQUEST_ID).filter(harmless) {
        Some(id) => id.to_owned(),
        None => Uuid::now_v7().to_string(),
    }
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The value of the `Authorization` header.
pub(super) fn credentials(headers: &HeaderMap) -> Result<Option<&str>, AuthError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| AuthError::Invalid),
        // Two readers of the same request must not see two callers.
        (Some(_), Some(_)) => Err(AuthError::Invalid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_ids_are_taken_over() {
        let id_of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, value.parse().unwrap());
            request_id(&headers)
        };
        assert_eq!(id_of("a-1_b.C"), "a-1_b.C");
        assert_ne!(id_of("a b"), "a b");
        assert_ne!(id_of(&"a".repeat(65)), "a".repeat(65));
        assert_ne!(id_of(""), "");
    }
}
