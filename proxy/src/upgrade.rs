//! Requests that become WebSockets, over HTTP/1.1 (RFC 6455) and over HTTP/2 (RFC 8441).
//!
//! Both sides agree by themselves; the edge checks that they speak of WebSocket and then carries
//! bytes without looking at them. The space's side is always HTTP/1.1.

pub mod extended;
mod relay;

use std::{sync::Arc, time::Duration, time::Instant};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::SEC_WEBSOCKET_ACCEPT};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::time;
use tokio_util::task::TaskTracker;

use crate::{headers, http::body::Source, listener::Visitor, metrics::Metrics, upstream::Lease};

/// How long both sides may take to become streams once they have agreed.
const SWITCH_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one side may go on after the other has ended: a WebSocket ends by a message, so that
/// whoever still sends then has nothing to say.
const HALF_OPEN_TIME: Duration = Duration::from_secs(30);

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
    /// Where it is counted.
    pub metrics: Arc<Metrics>,
    /// The request it began as.
    pub request_id: HeaderValue,
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
        let Ok(Ok((client, space))) = time::timeout(SWITCH_TIMEOUT, both).await else {
            // The visitor has gone before the answer reached them.
            return;
        };
        let open = Open::begin(&self.metrics, &self.visitor);
        let (mut client, mut space) = (TokioIo::new(client), TokioIo::new(space));
        let carried = relay::both_ways(&mut client, &mut space, HALF_OPEN_TIME).await;
        drop(open);
        self.metrics.bytes_in.increment(carried.to_space_bytes);
        self.metrics.bytes_out.increment(carried.to_visitor_bytes);
        tracing::info!(
            request.id = self.request_id.to_str().unwrap_or_default(),
            client = %self.visitor.address.ip(),
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
struct Open<'a>(&'a Metrics, &'a Visitor);

impl<'a> Open<'a> {
    fn begin(metrics: &'a Metrics, visitor: &'a Visitor) -> Self {
        metrics.upgraded.increment(1.0);
        visitor.request_began();
        Self(metrics, visitor)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.upgraded.decrement(1.0);
        self.1.request_ended();
    }
}
