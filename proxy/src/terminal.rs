//! The hostname of a space's terminals: what is served there, by the edge and the space's agent.
//!
//! The page is the edge's own, and everything that it shows is the agent's: the edge keeps nothing
//! of terminals.

pub mod bridge;
mod frames;
mod list;
mod path;

use http::{Method, Response};

use self::{bridge::Talk, path::Place};
use crate::{
    headers::Malformed,
    http::{Routed, body::Source},
    page,
    reply::Answer,
    upgrade::{Protocol, Wish},
};

/// Answers a request for terminals.
pub async fn serve(request: Routed<'_>, wish: Option<Wish>) -> Result<Response<Source>, Answer> {
    let place = Place::of(request.parts.uri.path());
    if let Some(wish) = wish {
        return match place {
            _ if wish.protocol != Protocol::WebSocket => Err(Answer::not_implemented()),
            Place::Exec => bridge::open(request, wish, Talk::Exec),
            Place::Terminal(id) => {
                let attach = path::attach(id, &request.parts.uri);
                let attach = attach.ok_or_else(|| Answer::malformed(Malformed::Query))?;
                bridge::open(request, wish, Talk::Terminal(attach))
            }
            Place::Terminals | Place::Page => Err(Answer::not_implemented()),
        };
    }
    let method = request.parts.method.clone();
    let is_read = [Method::GET, Method::HEAD].contains(&method);
    match place {
        Place::Terminals if is_read => list::show(request).await,
        Place::Terminal(Some(id)) if method == Method::DELETE => list::end(request, id).await,
        Place::Page if is_read => page(&request),
        _ => Err(Answer::unknown_host()),
    }
}

/// A file of the page. The page itself is of no use where there is no agent.
fn page(request: &Routed<'_>) -> Result<Response<Source>, Answer> {
    let path = request.parts.uri.path();
    if path == "/" {
        request.agent()?;
    }
    page::TERMINAL.serve(path, &request.parts.headers)
}
