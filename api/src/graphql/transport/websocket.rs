//! GraphQL over WebSocket, the subprotocol `graphql-transport-ws`:
//! <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>.

mod close;
mod connection;
mod message;

use std::sync::Arc;

use async_graphql::Executor;
use axum::{
    extract::{FromRequestParts as _, Request, WebSocketUpgrade},
    http::{Method, header, uri::Authority},
    response::Response,
};

use self::connection::Connection;
use super::{
    auth::RequestInfo,
    endpoint::{Endpoint, credentials, text},
    fault::{Code, Fault},
    http, origin,
};

/// The only subprotocol there is.
const SUBPROTOCOL: &str = "graphql-transport-ws";

/// Bytes read from the socket at once: what clients say is short. The default of 128 KiB would be
/// most of what an idle connection holds.
const READ_BUFFER_BYTES: usize = 1024;

/// Whether a request wants to become a WebSocket, by HTTP/1.1 or by HTTP/2 (RFC 8441).
pub(super) fn is_upgrade(request: &Request) -> bool {
    let upgrade = text(request.headers(), &header::UPGRADE);
    request.method() == Method::CONNECT
        || upgrade.is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
}

/// Makes a request a WebSocket, and serves it.
pub(super) async fn upgrade<E: Executor>(
    endpoint: Arc<Endpoint<E>>,
    info: RequestInfo,
    request: Request,
) -> Response {
    let (mut parts, _) = request.into_parts();
    let host = text(&parts.headers, &header::HOST)
        .or_else(|| parts.uri.authority().map(Authority::as_str));
    // An origin that is no text is a foreign one.
    let origin = parts.headers.get(header::ORIGIN);
    let origin = origin.map(|value| value.to_str().unwrap_or_default());
    if !origin::is_allowed(origin, host, &endpoint.config.allowed_origins) {
        let fault = Fault::new(Code::Forbidden, "Pages of this origin are not allowed.");
        return http::refuse(fault, &info.request_id);
    }
    let credentials = match credentials(&parts.headers) {
        Ok(credentials) => credentials.map(str::to_owned),
        Err(error) => return http::refuse(error.into(), &info.request_id),
    };
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            let fault = Fault::new(Code::BadRequest, rejection.body_text());
            return http::refuse(fault, &info.request_id);
        }
    };
    let permit = match endpoint.connect() {
        Ok(permit) => permit,
        Err(fault) => return http::refuse(fault, &info.request_id),
    };
    // Whatever came with the request, the place of its connection for one, lasts as long as this.
    let extensions = parts.extensions;
    let message_bytes = endpoint.config.limits.connection.message_bytes;
    upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(message_bytes)
        .max_frame_size(message_bytes)
        .on_upgrade(|socket| async move {
            Connection::new(endpoint, info, credentials, socket)
                .serve()
                .await;
            drop((permit, extensions));
        })
}
