//! A request on its way into a space, and its response on the way back.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
    request::Parts,
};
use hyper::{body::Incoming, client::conn::TrySendError};
use tokio::time;

use super::{
    Routed,
    access::Access,
    body::{Progress, Source, Upload},
};
use crate::{
    grpc,
    headers::{self, Framing},
    listener::Worker,
    live::Open,
    reply::Answer,
    routes::{Destination, Endpoint},
    upgrade::{Switch, WebSocket, Wish, extended::Handshake},
    upstream::{DialError, Lease},
};

/// Carries a request by HTTP to where it is routed, and its response back.
pub async fn carry(
    mut request: Routed<'_>,
    wish: Option<Wish>,
) -> Result<Response<Source>, Answer> {
    let switch = wish.map(|wish| Switch::of(&mut request, wish));
    let Routed {
        worker,
        mut parts,
        body,
        requested,
        framing,
        pass,
        access,
        ..
    } = request;
    let is_call = grpc::is_call(parts.version, &parts.method, &parts.headers);
    headers::to_space(
        &mut parts.headers,
        &requested,
        access.client(),
        access.request_id(),
    );
    let destination = pass.destination;
    let (upload, progress) = Upload::new(body, || worker.live.open(pass.clone()));
    access.upload.clone_from(&progress);
    let limits = &worker.site.limits;
    let mut patience = match destination.endpoint {
        Endpoint::Files => limits.files,
        Endpoint::Port(_) | Endpoint::Agent => limits.response,
    };
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
    match switch {
        // Boxed, so that no other request carries what it needs.
        Some(switch) => Box::pin(exchange.switch(parts, upload, switch, access)).await,
        None => {
            let open = worker.live.open(pass);
            exchange.pass(parts, upload, open, access).await
        }
    }
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
        switch: Switch,
        access: &Access,
    ) -> Result<Response<Source>, Answer> {
        let handshake = if switch.wish.extended {
            let begun = Handshake::begin(&mut parts.headers);
            Some(begun.ok_or_else(Answer::upstream_error)?)
        } else {
            None
        };
        headers::say_switch(&mut parts.headers, headers::WEBSOCKET);
        let request = onward(parts, upload);
        let mut lease = self.dialled(self.worker.upstreams.fresh(self.destination).await)?;
        let response = self
            .outcome(lease.send(request), &switch.open)
            .await
            .map_err(|error| self.failed(error))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            // Over HTTP/2 any success would say that the WebSocket is open.
            if switch.wish.extended && response.status().is_success() {
                return Err(Answer::upstream_error());
            }
            return self.answer(response, lease, switch.open, access);
        }
        let proven = handshake
            .as_ref()
            .is_none_or(|it| it.is_proven(response.headers()));
        if !proven || !headers::is_switch(response.headers(), headers::WEBSOCKET) {
            return Err(Answer::upstream_error());
        }
        let websocket = WebSocket { switch, lease };
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
                let is_slow = progress.is_starved() && moved_bytes < limits.body_bytes;
                if is_slow && !self.may_pause() {
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

    /// Whether its body may stand still. A call may wait for its answer before it goes on, and a file
    /// may be what some program has yet to write.
    fn may_pause(&self) -> bool {
        self.is_call || self.destination.endpoint == Endpoint::Files
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
        lease.map_err(|error| not_dialled(&self.destination, &error))
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

/// The answer where there is no connection to `destination`.
pub fn not_dialled(destination: &Destination, error: &DialError) -> Answer {
    let failed = || {
        let Destination {
            space,
            address,
            endpoint,
        } = destination;
        tracing::warn!(space.id = %space, %address, %endpoint, %error, "a space can't be reached");
    };
    match (error, destination.endpoint) {
        (DialError::Refused | DialError::Unreachable, Endpoint::Port(port)) => {
            Answer::nothing_listens(port)
        }
        (DialError::Refused | DialError::Unreachable | DialError::NoAgent, _) => Answer::no_agent(),
        (DialError::Timeout, _) => Answer::timeout(),
        (DialError::Busy, _) => Answer::busy(),
        (DialError::Forbidden(_), _) => {
            failed();
            Answer::forbidden()
        }
        (DialError::Failed(_), _) => {
            failed();
            Answer::upstream_error()
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
