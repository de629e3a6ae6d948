//! The list of a space's terminals, and the end of one.

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};
use serde::Serialize;
use spaceport_domain::agent::{
    Answer as Told, Refusal, RefusalCode, Service, Terminal, TerminalId,
};

use crate::{
    http::{Routed, body::Source, exchange::not_dialled},
    reply::Answer,
    upstream::agent::AgentError,
};

/// What is told of them.
#[derive(Serialize)]
struct List {
    /// All of them, oldest first.
    terminals: Vec<Terminal>,
}

/// Lists the terminals of the space that `request` leads to.
pub(super) async fn show(request: Routed<'_>) -> Result<Response<Source>, Answer> {
    match ask(&request, Service::Terminals).await? {
        Ok(Told::Terminals { terminals }) => Ok(json(StatusCode::OK, &List { terminals })),
        Ok(_) => Err(Answer::upstream_error()),
        Err(refusal) => Ok(refused(&refusal)),
    }
}

/// Hangs a terminal up.
pub(super) async fn end(request: Routed<'_>, id: TerminalId) -> Result<Response<Source>, Answer> {
    match ask(&request, Service::CloseTerminal { id }).await? {
        Ok(_) => {
            let mut response = Response::new(Source::Own(Bytes::new()));
            *response.status_mut() = StatusCode::NO_CONTENT;
            Ok(response)
        }
        Err(refusal) => Ok(refused(&refusal)),
    }
}

/// Asks for what needs no more than a reply.
async fn ask(request: &Routed<'_>, service: Service) -> Result<Result<Told, Refusal>, Answer> {
    request.refuse_body()?;
    let agent = request.agent()?;
    match request.worker.upstreams.ask(agent, service).await {
        Ok(conversation) => Ok(Ok(conversation.answer)),
        Err(AgentError::Refused(refusal)) => Ok(Err(refusal)),
        Err(AgentError::Dial(error)) => Err(not_dialled(&agent.destination, &error)),
        Err(AgentError::Io(error)) if error.kind() == std::io::ErrorKind::TimedOut => {
            Err(Answer::timeout())
        }
        Err(AgentError::Io(error)) => {
            tracing::debug!(space.id = %agent.space(), %error, "an agent broke off");
            Err(Answer::upstream_error())
        }
    }
}

/// What an agent said, with the status that comes closest.
fn refused(refusal: &Refusal) -> Response<Source> {
    let status = match refusal.code {
        RefusalCode::NotFound => StatusCode::NOT_FOUND,
        RefusalCode::Invalid => StatusCode::BAD_REQUEST,
        RefusalCode::Unsupported => StatusCode::NOT_IMPLEMENTED,
        RefusalCode::Busy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_GATEWAY,
    };
    json(status, refusal)
}

fn json(status: StatusCode, it: &impl Serialize) -> Response<Source> {
    let body = serde_json::to_vec(it).unwrap_or_default();
    let mut response = Response::new(Source::Own(body.into()));
    *response.status_mut() = status;
    for (name, value) in [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}
