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
pub mod stall;

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{ACCEPT, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING},
    request::Parts,
};
use hyper::{body::Incoming, client::conn::TrySendError};
use spaceport_domain::lifecycle::Status;
use tokio::time;
use uuid::Uuid;

use self::{
    access::Access,
    body::{Download, Progress, Source, Upload},
};
use crate::{
    gate::{self, Admission},
    grpc,
    headers::{self, Framing, Requested},
    listener::{Visitor, Worker},
    live::{Open, Pass},
    reply::{Answer, Code},
    routes::{Destination, Via},
    upgrade::{
        self,
        extended::{Handshake, Refused},
    },
    upstream::{DialError, Lease},
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
    let handshake = Handshake::begin(&mut parts).map_err(|refused| match refused {
        Refused::UnknownProtocol => Answer::not_implemented(),
        Refused::NoKey => Answer::upstream_error(),
    })?;
    let requested = headers::requested(&parts).map_err(Answer::malformed)?;
    access.host = Some(requested.host.clone());
    let framing = headers::framing(&parts.headers).map_err(Answer::malformed)?;
    if !visitor.served.covers(&requested.host) {
        return Err(Answer::misdirected());
    }
    let way = match find(worker, &parts, &requested, access).await? {
        Found::Way(way) => way,
        Found::Answer(answer) => return Ok(answer.map(Source::Own)),
    };
    let destination = way.destination;
    let websocket = handshake.is_some() || headers::asks_for_websocket(&parts);
    let is_call = grpc::is_call(parts.version, &parts.method, &parts.headers);
    headers::to_space(
        &mut parts.headers,
        &requested,
        access.client(),
        access.request_id(),
    );
    let (upload, progress) = Upload::new(body, || worker.live.open(way.clone()));
    let open = worker.live.open(way);
    access.upload.clone_from(&progress);
    let mut patience = worker.site.limits.response;
    if is_call {
        headers::http_2_form(&mut parts, &requested).map_err(Answer::malformed)?;
        patience = grpc::deadline(&parts.headers).map_or(patience, |it| it.max(patience));
    } else {
        parts.uri = headers::origin_form(&parts.uri);
        say_framing(&mut parts, framing, &upload);
    }
    let exchange = Exchange {
        worker,
        destination,
        is_call,
        patience,
        progress,
    };
    if websocket {
        // Boxed, so that no other request carries what it needs.
        Box::pin(exchange.switch(parts, upload, handshake, visitor, open, access)).await
    } else {
        exchange.pass(parts, upload, open, access).await
    }
}

/// What was found at a host.
enum Found {
    /// A way into a space.
    Way(Pass),
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
    Ok(Found::Way(Pass {
        host: host.clone(),
        via: target.via,
        destination,
        ticket,
    }))
}

/// A body whose length nobody told goes on in chunks. hyper would leave it out of a `GET`.
fn say_framing(parts: &mut Parts, framing: Framing, upload: &Upload) {
    let unknown = !parts.headers.contains_key(CONTENT_LENGTH);
    if framing == Framing::Chunked || (!upload.is_empty() && unknown) {
        parts
            .headers
            .insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

/// A request that knows where it goes.
struct Exchange<'a> {
    worker: &'a Arc<Worker>,
    destination: Destination,
    /// Whether it is a gRPC call.
    is_call: bool,
    /// From the end of the request to its response's head.
    patience: Duration,
    progress: Option<Arc<Progress>>,
}

/// Why there is no response.
enum SendError {
    /// Nothing was sent; here is the request again.
    Unsent(Box<Request<Upload>>),
    /// The connection broke.
    Broken(hyper::Error),
    /// The visitor sends its body too slowly.
    Slow,
    /// No response came in time.
    Timeout,
    /// It may not go on.
    Cut,
}

impl Exchange<'_> {
    /// Carries a request over and its response back.
    async fn pass(
        &self,
        parts: Parts,
        upload: Upload,
        open: Open,
        access: &Access,
    ) -> Result<Response<Source>, Answer> {
        let mut request = onward(parts, upload);
        // A server may close a kept connection in the very moment it is used again. Nothing is
        // repeated that could have an effect twice (RFC 9110 §9.2.2).
        let repeatable = request.body().is_empty() && request.method().is_idempotent();
        let upstreams = &self.worker.upstreams;
        let mut lease = self.dialled(if self.is_call {
            upstreams.stream(self.destination).await
        } else {
            upstreams.take(self.destination, repeatable).await
        })?;
        let response = loop {
            let copy = (repeatable && lease.reused).then(|| copy(&request));
            let reused = lease.reused;
            let again = match self.outcome(lease.send(request), &open).await {
                Ok(response) => break response,
                Err(SendError::Unsent(unsent)) if reused => *unsent,
                Err(error @ SendError::Broken(_)) => copy.ok_or_else(|| self.failed(error))?,
                Err(error) => return Err(self.failed(error)),
            };
            request = again;
            lease = self.dialled(if self.is_call {
                upstreams.stream(self.destination).await
            } else {
                Box::pin(upstreams.fresh(self.destination)).await
            })?;
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Answer::upstream_error());
        }
        self.answer(response, lease, open, access)
    }

    /// Carries over a request that wants to become a WebSocket.
    async fn switch(
        &self,
        mut parts: Parts,
        upload: Upload,
        handshake: Option<Handshake>,
        visitor: &Arc<Visitor>,
        open: Open,
        access: &Access,
    ) -> Result<Response<Source>, Answer> {
        headers::say_websocket(&mut parts.headers);
        let mut parts = Request::from_parts(parts, ());
        let client = hyper::upgrade::on(&mut parts);
        let request = onward(parts.into_parts().0, upload);
        let mut lease = self.dialled(self.worker.upstreams.fresh(self.destination).await)?;
        let response = self
            .outcome(lease.send(request), &open)
            .await
            .map_err(|error| self.failed(error))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            // Over HTTP/2 any success would say that the WebSocket is open.
            if handshake.is_some() && response.status().is_success() {
                return Err(Answer::upstream_error());
            }
            return self.answer(response, lease, open, access);
        }
        let proven = handshake
            .as_ref()
            .is_none_or(|it| it.is_proven(response.headers()));
        if !proven || !headers::is_websocket(response.headers()) {
            return Err(Answer::upstream_error());
        }
        let websocket = upgrade::WebSocket {
            client,
            extended: handshake.is_some(),
            lease,
            visitor: Arc::clone(visitor),
            address: access.client(),
            metrics: Arc::clone(&self.worker.site.metrics),
            limits: self.worker.site.limits.websocket,
            request_id: access.request_id().clone(),
            open,
        };
        Ok(websocket.begin(response, &self.worker.tasks))
    }

    /// Waits for the response's head. Its clock starts when the request's body has ended; until
    /// then the body must move.
    async fn outcome(
        &self,
        sending: impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Upload>>>>,
        open: &Open,
    ) -> Result<Response<Incoming>, SendError> {
        let limits = &self.worker.site.limits;
        let began = Instant::now();
        let (mut moved_at, mut seen_bytes) = (began, 0);
        let mut sending = pin!(sending);
        loop {
            let ended_at = match &self.progress {
                None => Some(began),
                Some(progress) => progress.done_at(),
            };
            let limit = match ended_at {
                Some(at) => self.patience.saturating_sub(at.elapsed()),
                None => limits.body,
            };
            let sent = poll_fn(|cx| match sending.as_mut().poll(cx) {
                Poll::Ready(sent) => Poll::Ready(Some(sent)),
                Poll::Pending => open.poll_cut(cx).map(|()| None),
            });
            let sent = match time::timeout(limit, sent).await {
                Ok(Some(sent)) => Ok(sent),
                Ok(None) => return Err(SendError::Cut),
                Err(elapsed) => Err(elapsed),
            };
            match sent {
                Ok(Ok(response)) => return Ok(response),
                // It breaks when its body is cut.
                Ok(Err(_)) if open.is_cut() => return Err(SendError::Cut),
                Ok(Err(mut error)) => {
                    return Err(match error.take_message() {
                        Some(request) => SendError::Unsent(Box::new(request)),
                        None => SendError::Broken(error.into_error()),
                    });
                }
                Err(_) if ended_at.is_some() => return Err(SendError::Timeout),
                Err(_) => {}
            }
            if let Some(progress) = &self.progress
                && progress.done_at().is_none()
            {
                let bytes = progress.bytes();
                let moved_bytes = bytes - seen_bytes;
                // A call may wait for its answer before it goes on.
                if !self.is_call && progress.is_starved() && moved_bytes < limits.body_bytes {
                    return Err(SendError::Slow);
                }
                if moved_bytes > 0 {
                    (moved_at, seen_bytes) = (Instant::now(), bytes);
                } else if moved_at.elapsed() >= self.patience {
                    // The space takes nothing of it.
                    return Err(SendError::Timeout);
                }
            }
        }
    }

    fn answer(
        &self,
        response: Response<Incoming>,
        lease: Lease,
        open: Open,
        access: &Access,
    ) -> Result<Response<Source>, Answer> {
        let (mut parts, incoming) = response.into_parts();
        if headers::framing(&parts.headers).is_err() {
            return Err(Answer::upstream_error());
        }
        headers::to_visitor(&mut parts.headers, access.request_id());
        let mut response = Response::new(Source::Space {
            incoming,
            lease: Some(lease),
            progress: self.progress.clone(),
            open,
        });
        *response.status_mut() = parts.status;
        *response.headers_mut() = parts.headers;
        Ok(response)
    }

    fn dialled(&self, lease: Result<Lease, DialError>) -> Result<Lease, Answer> {
        lease.map_err(|error| match error {
            DialError::Refused => Answer::nothing_listens(self.destination.port),
            DialError::Timeout => Answer::timeout(),
            DialError::Busy => Answer::busy(),
            DialError::Forbidden(_) => {
                self.log(&error);
                Answer::forbidden()
            }
            DialError::Failed(_) => {
                self.log(&error);
                Answer::upstream_error()
            }
        })
    }

    fn log(&self, error: &DialError) {
        let Destination {
            space,
            address,
            port,
        } = self.destination;
        tracing::warn!(space.id = %space, %address, port, %error, "a space can't be reached");
    }

    fn failed(&self, error: SendError) -> Answer {
        match error {
            SendError::Timeout => Answer::timeout(),
            SendError::Cut => Answer::unknown_host(),
            SendError::Slow => Answer::slow_request(),
            // The request's body broke off, not the space.
            SendError::Broken(error) if error.is_user() => Answer::broken_request(),
            SendError::Broken(error) => {
                let space = self.destination.space;
                tracing::debug!(space.id = %space, %error, "a space broke off");
                Answer::upstream_error()
            }
            SendError::Unsent(_) => Answer::upstream_error(),
        }
    }
}

/// The request as the space gets it.
fn onward(parts: Parts, upload: Upload) -> Request<Upload> {
    let mut request = Request::new(upload);
    *request.method_mut() = parts.method;
    *request.uri_mut() = parts.uri;
    *request.headers_mut() = parts.headers;
    request
}

/// The same request again, which has no body.
fn copy(request: &Request<Upload>) -> Request<Upload> {
    let mut copy = Request::new(Upload::default());
    *copy.method_mut() = Method::clone(request.method());
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}
