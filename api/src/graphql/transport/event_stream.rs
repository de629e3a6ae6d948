//! GraphQL over server-sent events, in the mode of distinct connections:
//! <https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>.
//!
//! Each operation has its own response. A task of its own feeds it, at the pace of the client: one
//! event waits in the channel and the rest stay with their source. A client that takes nothing for
//! longer than the write timeout is cut off, and so frees what its subscription holds.

use std::{convert::Infallible, sync::Arc};

use async_graphql::Executor;
use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    auth::Authenticated,
    endpoint::Endpoint,
    fault::{Code, Fault},
    limits::ConnectionLimits,
    operation::Operation,
    outcome::Outcome,
};

/// Answers with a stream of events. What is wrong with the document is told in the stream, because
/// a client that asks for events can read nothing else.
pub(super) fn respond<E: Executor>(
    endpoint: &Endpoint<E>,
    prepared: Result<Operation, Fault>,
    caller: &Authenticated,
    request_id: &Arc<str>,
) -> Result<Response, Fault> {
    let permit = endpoint.connect()?;
    let outcomes = match prepared {
        Ok(operation) => endpoint.operations.stream(operation),
        Err(fault) => stream::iter([Outcome::refused(fault, request_id)]).boxed(),
    };
    let (sender, receiver) = mpsc::channel(1);
    let feed = Feed {
        outcomes,
        sender,
        caller: caller.clone(),
        shutdown: endpoint.config.shutdown.clone(),
        limits: endpoint.config.limits.connection.clone(),
        request_id: Arc::clone(request_id),
        _permit: permit,
    };
    tokio::spawn(feed.run());
    let events = stream::unfold(receiver, |mut receiver| async move {
        let event: Bytes = receiver.recv().await?;
        Some((Ok::<_, Infallible>(event), receiver))
    });
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        // Proxies of the nginx family hold a response back without this.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

struct Feed {
    outcomes: BoxStream<'static, Outcome>,
    sender: mpsc::Sender<Bytes>,
    /// The end of a sign-in is only told to who holds it.
    caller: Authenticated,
    shutdown: CancellationToken,
    limits: ConnectionLimits,
    request_id: Arc<str>,
    _permit: OwnedSemaphorePermit,
}

/// The client went away, or does not read.
struct Gone;

impl Feed {
    async fn run(mut self) {
        // Some browsers don't take a response for open before its first byte.
        let _ = match self.send(Bytes::from_static(KEEP_ALIVE)).await {
            Ok(()) => self.feed().await,
            Err(gone) => Err(gone),
        };
    }

    async fn feed(&mut self) -> Result<(), Gone> {
        let start = Instant::now() + self.limits.ping_interval;
        let mut keep_alive = tokio::time::interval_at(start, self.limits.ping_interval);
        let closed = self.sender.clone();
        loop {
            let event = tokio::select! {
                outcome = self.outcomes.next() => match outcome {
                    Some(outcome) => next(&outcome),
                    None => return self.send(Bytes::from_static(COMPLETE)).await,
                },
                _ = keep_alive.tick() => Bytes::from_static(KEEP_ALIVE),
                () = self.caller.ended.cancelled() => {
                    let fault = Fault::new(Code::Unauthenticated, "The sign-in has ended.");
                    self.send(next(&Outcome::refused(fault, &self.request_id))).await?;
                    return self.send(Bytes::from_static(COMPLETE)).await;
                }
                // Without `complete`, so that the client connects again.
                () = self.shutdown.cancelled() => return Ok(()),
                () = closed.closed() => return Err(Gone),
            };
            self.send(event).await?;
        }
    }

    async fn send(&mut self, event: Bytes) -> Result<(), Gone> {
        match timeout(self.limits.write_timeout, self.sender.send(event)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}

/// A comment, which clients skip.
const KEEP_ALIVE: &[u8] = b":\n\n";

/// The empty data makes `EventSource` deliver it.
const COMPLETE: &[u8] = b"event: complete\ndata:\n\n";

/// One `next` event. JSON holds no line break, so its data is one line.
fn next(outcome: &Outcome) -> Bytes {
    let mut event = Vec::from(*b"event: next\ndata: ");
    if let Err(error) = serde_json::to_writer(&mut event, outcome) {
        tracing::error!(%error, "an event can't be written as JSON");
    }
    event.extend_from_slice(b"\n\n");
    event.into()
}

#[cfg(test)]
mod tests {
    use async_graphql::{Response, Value};

    use super::*;

    #[test]
    fn an_event_is_one_line_of_data() {
        let text = Value::from("two\nlines\r\n\u{2028}: é");
        let event = next(&Outcome::new(Response::new(text), ""));
        let event = std::str::from_utf8(&event).unwrap();
        assert_eq!(
            event,
            "event: next\ndata: {\"data\":\"two\\nlines\\r\\n\u{2028}: é\"}\n\n"
        );
        assert_eq!(event.lines().count(), 3);
    }
}
