//! One request: where it goes, and how it gets there and back.
//!
//! ```text
//! refuse what is ambiguous ─▶ not this connection's ─▶ route ─▶ gate ─▶ status ─▶ dial ─▶ carry
//!          400                        421               404   401 403     503    502 504
//! ```
//!
//! The gate is for apps ([`crate::gate`]); public tunnels are everybody's.

pub mod access;
pub mod body;
pub mod carrier;
pub mod exchange;
pub mod files;
pub mod stall;

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode, Version,
    header::{ACCEPT, CONNECTION, TRANSFER_ENCODING},
    request::Parts,
};
use http_body::Body;
use hyper::body::Incoming;
use spaceport_domain::{app::AppName, lifecycle::Status};
use uuid::Uuid;

use self::{
    access::Access,
    body::{Download, Source},
};
use crate::{
    desktop,
    gate::{self, Admission},
    grpc,
    headers::{self, Framing, Malformed, Requested},
    listener::{Visitor, Worker},
    live::Pass,
    reply::{self, Answer, Code},
    routes::{Destination, Endpoint, Via},
    ssh, terminal,
    upgrade::{Protocol, UnknownProtocol, Wish, forward},
    upstream::agent::{AgentAt, NoAgent},
};

/// Answers one request. It never fails: what goes wrong is an answer too.
pub async fn serve(
    worker: Arc<Worker>,
    visitor: Arc<Visitor>,
    request: Request<Incoming>,
) -> Response<Download> {
    let accept = request.headers().get(ACCEPT).cloned();
    let is_h1 = request.version() < Version::HTTP_2;
    let is_call = grpc::is_call(request.version(), request.method(), request.headers());
    // RFC 9112 §6.1: a chunked request that also had a length ends its connection, because others
    // on its way may disagree about where it ends. hyper hides whether there was a length.
    let mut last = is_h1 && request.headers().contains_key(TRANSFER_ENCODING);
    let mut access = Access::begin(
        Arc::clone(&worker.site.metrics),
        Arc::clone(&visitor),
        headers::client(
            &worker.site.trusted_proxies,
            visitor.address.ip(),
            request.headers(),
        ),
        request_id(),
        request.method().clone(),
        request.version(),
    );
    let response = match carry(&worker, &visitor, request, &mut access).await {
        Ok(response) => {
            access.answered(response.status(), None);
            response
        }
        Err(answer) => {
            access.answered(answer.status(), Some(answer.code));
            last |= is_h1 && matches!(answer.code, Code::BadRequest | Code::RequestTimeout);
            let rendered = if is_call {
                answer.end_call(access.request_id())
            } else {
                answer.render(accept.as_ref(), access.request_id())
            };
            rendered.map(Source::Own)
        }
    };
    // A client asks for more elsewhere, instead of on a connection that is about to be closed.
    last |= is_h1 && worker.site.drain.has_begun();
    let mut response = response.map(|source| Download::new(source, access));
    if last && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Time-ordered, so that a log is easily searched around it.
fn request_id() -> HeaderValue {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let text: &str = Uuid::now_v7().hyphenated().encode_lower(&mut text);
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("none"))
}

async fn carry(
    worker: &Arc<Worker>,
    visitor: &Arc<Visitor>,
    request: Request<Incoming>,
    access: &mut Access,
) -> Result<Response<Source>, Answer> {
    let (mut parts, body) = request.into_parts();
    let wish = Wish::of(&mut parts).map_err(|UnknownProtocol| Answer::not_implemented())?;
    let requested = headers::requested(&parts).map_err(Answer::malformed)?;
    access.host = Some(requested.host.clone());
    let framing = headers::framing(&parts.headers).map_err(Answer::malformed)?;
    if !visitor.served.covers(&requested.host) {
        return Err(Answer::misdirected());
    }
    let (pass, is_alone) = match find(worker, &parts, &requested, access).await? {
        Found::Way { pass, is_alone } => (pass, is_alone),
        Found::Answer(answer) => return Ok(answer.map(Source::Own)),
    };
    let (destination, via) = (pass.destination, pass.via);
    let endpoint = destination.endpoint;
    let request = Routed {
        worker,
        visitor,
        parts,
        body,
        requested,
        framing,
        pass,
        access,
    };
    // Boxed, so that no other request carries what these need.
    match (endpoint, wish) {
        (Endpoint::Agent, _) if via == Via::App(AppName::Vnc) => desktop::serve(request, wish),
        (Endpoint::Agent, _) => Box::pin(terminal::serve(request, wish)).await,
        (Endpoint::Files, None) => Box::pin(files::serve(request)).await,
        (Endpoint::Port(_), Some(wish)) if wish.protocol == Protocol::Tcp => {
            Box::pin(forward::serve(request, wish)).await
        }
        (Endpoint::Port(_), _) => {
            let mut response = match exchange::carry(request, wish).await {
                Err(answer)
                    if answer.code == Code::NothingListens && via == Via::App(AppName::Code) =>
                {
                    return Err(editor_missing(worker, &destination, answer).await);
                }
                carried => carried?,
            };
            if is_alone {
                headers::keep_frames_away(response.headers_mut());
            }
            Ok(response)
        }
        (Endpoint::Files, Some(_)) => Err(Answer::not_implemented()),
    }
}

/// What is told at the host of an editor that isn't there, in place of `answer`: that it is starting, or
/// why it won't be there.
async fn editor_missing(worker: &Worker, destination: &Destination, answer: Answer) -> Answer {
    let Ok(agent) = worker.upstreams.agent(destination) else {
        return answer;
    };
    match worker.upstreams.app(agent, AppName::Code).await {
        Some(app) => Answer::editor_missing(app),
        None => answer,
    }
}

/// A request that may go where it leads.
pub struct Routed<'a> {
    /// Who serves it.
    pub worker: &'a Arc<Worker>,
    /// On whose connection it came.
    pub visitor: &'a Arc<Visitor>,
    /// Its head, as it came.
    pub parts: Parts,
    /// Its body.
    pub body: Incoming,
    /// The host it is for.
    pub requested: Requested,
    /// How its body is delimited.
    pub framing: Framing,
    /// Where it leads, and why it may.
    pub pass: Pass,
    /// Its record.
    pub access: &'a mut Access,
}

impl Routed<'_> {
    /// The agent of the space that it leads to.
    pub fn agent(&self) -> Result<AgentAt, Answer> {
        let agent = self.worker.upstreams.agent(&self.pass.destination);
        agent.map_err(|error| match error {
            NoAgent::Absent => Answer::no_agent(),
            // It has stopped in this very moment.
            NoAgent::NotRunning(_) => Answer::unknown_host(),
        })
    }

    /// Refuses a request with a body, which nobody would read.
    pub fn refuse_body(&self) -> Result<(), Answer> {
        if self.body.is_end_stream() {
            Ok(())
        } else {
            Err(Answer::malformed(Malformed::UnexpectedBody))
        }
    }
}

/// What was found at a host.
enum Found {
    /// A way into a space.
    Way {
        pass: Pass,
        /// Whether what is there answers its own pages alone.
        is_alone: bool,
    },
    /// Something the edge answers by itself.
    Answer(Response<Bytes>),
}

/// Finds where a request goes, if whoever sends it may go there.
async fn find(
    worker: &Worker,
    parts: &Parts,
    requested: &Requested,
    access: &mut Access,
) -> Result<Found, Answer> {
    let site = &worker.site;
    let host = &requested.host;
    if parts.uri.path() == ssh::HOST_KEYS_PATH
        && site.gate.label(host).is_some()
        && let Some(ssh) = &site.ssh
    {
        return Ok(Found::Answer(reply::json(ssh.host_keys())));
    }
    let (target, ticket, start_url) = match site.gate.label(host) {
        Some(label) => match site
            .gate
            .admit(label, requested, parts, access.client())
            .await?
        {
            Admission::Entered(entry) => (entry.target, Some(entry.ticket), entry.start_url),
            Admission::Answered(mut answer) => {
                let id = access.request_id().clone();
                answer.headers_mut().insert(headers::X_REQUEST_ID, id);
                return Ok(Found::Answer(answer));
            }
        },
        None if gate::is_reserved(parts.uri.path()) => return Err(Answer::unknown_host()),
        None => {
            let target = site.routes.glance().tunnel(host).cloned();
            (target.ok_or_else(Answer::unknown_host)?, None, None)
        }
    };
    if let Via::Tunnel(tunnel) = target.via {
        access.tunnel = Some(tunnel);
    }
    access.space = Some(target.space.space_id);
    access.user = ticket.as_ref().map(|it| it.sub);
    let destination = target.destination().map_err(|status| {
        let answer = Answer::not_running(&target.space.space_name, status);
        match start_url {
            Some(url) if [Status::Created, Status::Stopped].contains(&status) => {
                answer.with_start(url)
            }
            _ => answer,
        }
    })?;
    Ok(Found::Way {
        is_alone: target.is_alone(),
        pass: Pass {
            host: host.clone(),
            via: target.via,
            destination,
            ticket,
        },
    })
}
