//! Requests that become WebSockets, over HTTP/1.1 (RFC 6455) and over HTTP/2 (RFC 8441).
//!
//! Both sides agree by themselves; the edge checks that they speak of WebSocket and then carries
//! bytes without looking at them. The space's side is always HTTP/1.1.

pub mod extended;
mod relay;

use std::{net::IpAddr, sync::Arc, time::Instant};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::SEC_WEBSOCKET_ACCEPT};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::time;
use tokio_util::task::TaskTracker;

use crate::{
    headers, http::body::Source, listener::Visitor, live::Open, metrics::Metrics,
    settings::limits::WebSocketLimits, upstream::Lease,
};

/// A WebSocket about to open.
pub struct WebSocket {
    /// The visitor's side.
    pub client: OnUpgrade,
    /// Whether that is one stream of an HTTP/2 connection.
    pub extended: bool,
    /// Counts the space's side.
    pub lease: Lease,
    /// Counts the visitor's side.
    pub visitor: Arc<Visitor>,
    /// The visitor's address.
    pub address: IpAddr,
    /// Where it is counted.
    pub metrics: Arc<Metrics>,
    /// The bounds on it.
    pub limits: WebSocketLimits,
    /// The request it began as.
    pub request_id: HeaderValue,
    /// Ends it when it may not go on.
    pub open: Open,
}

impl WebSocket {
    /// The answer to the visitor. Once it is given, a task among `tasks` carries the bytes.
    pub fn begin(self, mut response: Response<Incoming>, tasks: &TaskTracker) -> Response<Source> {
        let space = hyper::upgrade::on(&mut response);
        let mut answer = Response::new(Source::Own(Bytes::new()));
        std::mem::swap(answer.headers_mut(), response.headers_mut());
        headers::to_visitor(answer.headers_mut(), &self.request_id);
        if self.extended {
            // The status is that of any success, and the proof was for the edge.
            answer.headers_mut().remove(SEC_WEBSOCKET_ACCEPT);
        } else {
            *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            headers::say_websocket(answer.headers_mut());
        }
        tasks.spawn(self.carry(space));
        answer
    }

    async fn carry(self, space: OnUpgrade) {
        let began = Instant::now();
        let client = self.client;
        let both = async { tokio::try_join!(client, space) };
        let Ok(Ok((client, space))) = time::timeout(self.limits.switch, both).await else {
            // The visitor has gone before the answer reached them.
            return;
        };
        let counted = Counted::begin(&self.metrics, &self.visitor);
        let (mut client, mut space) = (TokioIo::new(client), TokioIo::new(space));
        let cut = self.open.cut();
        let half_open = self.limits.half_open;
        let carried = relay::both_ways(&mut client, &mut space, cut, half_open).await;
        drop(counted);
        self.metrics.bytes_in.increment(carried.to_space_bytes);
        self.metrics.bytes_out.increment(carried.to_visitor_bytes);
        tracing::info!(
            request.id = self.request_id.to_str().unwrap_or_default(),
            client = %self.address,
            duration_ms = began.elapsed().as_millis(),
            received_bytes = carried.to_space_bytes,
            sent_bytes = carried.to_visitor_bytes,
            "websocket ended"
        );
        drop(self.lease);
    }
}

/// A WebSocket that is dropped at the end of a drain was open, too.
///
/// As long as there is one, its connection isn't idle.
struct Counted<'a>(&'a Metrics, &'a Visitor);

impl<'a> Counted<'a> {
    fn begin(metrics: &'a Metrics, visitor: &'a Visitor) -> Self {
        metrics.upgraded.increment(1.0);
        visitor.request_began();
        Self(metrics, visitor)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.upgraded.decrement(1.0);
        self.1.request_ended();
    }
}
