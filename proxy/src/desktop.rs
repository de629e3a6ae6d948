//! The hostname of a space's desktop, of a space whose template declares no port of its own for it.
//!
//! The page is the edge's own and speaks RFB (RFC 6143), the protocol of VNC, by itself. What serves
//! the desktop listens at loopback of the space and asks for no password: the gate has asked already.

mod bridge;

use http::{Method, Response};

use crate::{
    http::{Routed, body::Source},
    page,
    reply::Answer,
    upgrade::{Protocol, Wish},
};

/// The WebSocket that carries RFB.
const BRIDGE: &str = "/api/desktop";

/// Answers a request for a desktop.
pub fn serve(request: Routed<'_>, wish: Option<Wish>) -> Result<Response<Source>, Answer> {
    let path = request.parts.uri.path();
    if let Some(wish) = wish {
        return match (wish.protocol, path) {
            (Protocol::WebSocket, BRIDGE) => bridge::open(request, wish),
            _ => Err(Answer::not_implemented()),
        };
    }
    if ![Method::GET, Method::HEAD].contains(&request.parts.method) {
        return Err(Answer::unknown_host());
    }
    if path == "/" {
        // Without one, the page is of no use.
        request.agent()?;
    }
    page::DESKTOP.serve(path, &request.parts.headers)
}
