//! Requests that become something else, over HTTP/1.1 (RFC 9110 §7.8) and over HTTP/2 (RFC 8441):
//! WebSockets, and connections to ports ([`forward`]).
//!
//! The edge carries bytes without looking at them, once both sides have agreed. A space that speaks
//! WebSocket agrees by itself, always over HTTP/1.1.

pub mod extended;
pub mod forward;
mod relay;

use std::{net::IpAddr, sync::Arc, time::Instant};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode, header::SEC_WEBSOCKET_ACCEPT,
    request::Parts,
};
use hyper::{
    body::Incoming,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time,
};
use tokio_util::task::TaskTracker;

use self::extended::NotConnect;
use crate::{
    headers,
    http::{Routed, body::Source},
    listener::Visitor,
    live::Open,
    metrics::Metrics,
    settings::limits::SwitchLimits,
    upstream::Lease,
};

/// What a request is to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// What its connection or its stream speaks then.
    pub protocol: Protocol,
    /// Whether it is one stream of an HTTP/2 connection.
    pub extended: bool,
}

/// What is switched to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// WebSocket (RFC 6455).
    WebSocket,
    /// The bytes of a connection to a port.
    Tcp,
}

/// Nothing here becomes that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownProtocol;

impl Protocol {
    /// Its spelling in requests and answers.
    pub const fn token(self) -> &'static str {
        match self {
            Self::WebSocket => headers::WEBSOCKET,
            Self::Tcp => forward::TOKEN,
        }
    }
}

impl Wish {
    /// What `request` is to become, if anything. An extended `CONNECT` is made the `GET` that it
    /// would be over HTTP/1.1.
    ///
    /// # Errors
    ///
    /// By an extended `CONNECT`, something is wanted that isn't served. Over HTTP/1.1 such a wish is
    /// passed over (RFC 9110 §7.8).
    pub fn of(request: &mut Parts) -> Result<Option<Self>, UnknownProtocol> {
        let extended = extended::begin(request).map_err(|NotConnect| UnknownProtocol)?;
        let protocol = match &extended {
            Some(named) => [Protocol::WebSocket, Protocol::Tcp]
                .into_iter()
                .find(|it| named.as_str().eq_ignore_ascii_case(it.token()))
                .ok_or(UnknownProtocol)?,
            None if headers::asks_for_websocket(request) => Protocol::WebSocket,
            None if headers::asks_for(request, forward::TOKEN) => Protocol::Tcp,
            None => return Ok(None),
        };
        Ok(Some(Self {
            protocol,
            extended: extended.is_some(),
        }))
    }
}

/// A visitor's side that is about to become something else.
pub struct Switch {
    /// What it becomes.
    pub wish: Wish,
    /// Ends it when it may not go on.
    pub open: Open,
    /// The bounds on it.
    pub limits: SwitchLimits,
    client: OnUpgrade,
    visitor: Arc<Visitor>,
    address: IpAddr,
    metrics: Arc<Metrics>,
    request_id: HeaderValue,
}

impl Switch {
    /// The switch that `request` wishes for. Only a request without a body makes one.
    pub fn of(request: &mut Routed<'_>, wish: Wish) -> Self {
        // What hyper needs for it is found in a request alone.
        let mut holder = Request::new(());
        std::mem::swap(holder.extensions_mut(), &mut request.parts.extensions);
        let worker = request.worker;
        Self {
            wish,
            open: worker.live.open(request.pass.clone()),
            limits: worker.site.limits.switch,
            client: hyper::upgrade::on(&mut holder),
            visitor: Arc::clone(request.visitor),
            address: request.access.client(),
            metrics: Arc::clone(&worker.site.metrics),
            request_id: request.access.request_id().clone(),
        }
    }

    /// The answer that makes the visitor switch, with `fields`.
    pub fn answer(&self, fields: HeaderMap) -> Response<Source> {
        let mut answer = Response::new(Source::Own(Bytes::new()));
        *answer.headers_mut() = fields;
        headers::to_visitor(answer.headers_mut(), &self.request_id);
        if self.wish.extended {
            // The status is that of any success, and a proof was for the edge.
            answer.headers_mut().remove(SEC_WEBSOCKET_ACCEPT);
        } else {
            *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            headers::say_switch(answer.headers_mut(), self.wish.protocol.token());
        }
        answer
    }

    /// The visitor's stream, and what counts it, once they have got the answer; `None` if they
    /// don't get it.
    pub async fn opened(&mut self) -> Option<(TokioIo<Upgraded>, Counted)> {
        let client = time::timeout(self.limits.switch, &mut self.client).await;
        let client = TokioIo::new(client.ok()?.ok()?);
        Some((client, Counted::begin(&self.metrics, &self.visitor)))
    }

    /// Carries bytes between the visitor and `space`, both ways, until that ends.
    async fn relay<S>(mut self, mut space: S)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let began = Instant::now();
        let Some((mut client, counted)) = self.opened().await else {
            return;
        };
        let half_open = match self.wish.protocol {
            Protocol::WebSocket => self.limits.half_open,
            Protocol::Tcp => self.limits.forward_half_open,
        };
        let cut = self.open.cut();
        let carried = relay::both_ways(&mut client, &mut space, cut, half_open).await;
        drop(counted);
        self.ended(began, carried.to_space_bytes, carried.to_visitor_bytes);
    }

    /// Notes the end of what began at `began`.
    pub fn ended(&self, began: Instant, received_bytes: u64, sent_bytes: u64) {
        self.metrics.bytes_in.increment(received_bytes);
        self.metrics.bytes_out.increment(sent_bytes);
        tracing::info!(
            request.id = self.request_id.to_str().unwrap_or_default(),
            client = %self.address,
            duration_ms = began.elapsed().as_millis(),
            received_bytes,
            sent_bytes,
            "{} ended",
            self.wish.protocol.token(),
        );
    }
}

/// A WebSocket that a visitor and a space have agreed on.
pub struct WebSocket {
    /// The visitor's side.
    pub switch: Switch,
    /// Counts the space's side.
    pub lease: Lease,
}

impl WebSocket {
    /// The answer to the visitor. Once it is given, a task among `tasks` carries the bytes.
    pub fn begin(self, mut response: Response<Incoming>, tasks: &TaskTracker) -> Response<Source> {
        let space = hyper::upgrade::on(&mut response);
        let answer = self.switch.answer(std::mem::take(response.headers_mut()));
        tasks.spawn(async move {
            let Self { switch, lease } = self;
            let opened = time::timeout(switch.limits.switch, space).await;
            if let Ok(Ok(space)) = opened {
                switch.relay(TokioIo::new(space)).await;
            }
            drop(lease);
        });
        answer
    }
}

/// Counts what is open, also when it is dropped at the end of a drain.
///
/// As long as there is one, its connection isn't idle.
pub struct Counted {
    metrics: Arc<Metrics>,
    visitor: Arc<Visitor>,
}

impl Counted {
    fn begin(metrics: &Arc<Metrics>, visitor: &Arc<Visitor>) -> Self {
        metrics.upgraded.increment(1.0);
        visitor.request_began();
        Self {
            metrics: Arc::clone(metrics),
            visitor: Arc::clone(visitor),
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.metrics.upgraded.decrement(1.0);
        self.visitor.request_ended();
    }
}
