//! The hostname of a space's terminals: what is served there, by the edge and the space's agent.

pub mod bridge;
mod socket;

use http::Response;

use self::bridge::Talk;
use crate::{
    http::{Routed, body::Source},
    reply::Answer,
    upgrade::{Protocol, Wish},
};

/// A WebSocket on which a program is run.
const EXEC_PATH: &str = "/api/exec";

/// Answers a request for terminals.
pub async fn serve(request: Routed<'_>, wish: Option<Wish>) -> Result<Response<Source>, Answer> {
    match (request.parts.uri.path(), wish) {
        (EXEC_PATH, Some(wish)) if wish.protocol == Protocol::WebSocket => {
            bridge::open(request, wish, Talk::Exec)
        }
        (_, Some(_)) => Err(Answer::not_implemented()),
        _ => Err(Answer::unknown_host()),
    }
}
