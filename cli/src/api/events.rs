//! What a subscription tells, by server-sent events (GraphQL over SSE, distinct connections).

use std::{marker::PhantomData, time::Duration};

use bytes::{Buf, BytesMut};
use graphql_client::Response;
use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::refused;
use crate::{failure::Failure, http as client};

/// The longest event.
const EVENT_BYTES_MAX: usize = 16 << 20;
/// The longest answer of who doesn't stream.
const REFUSAL_BYTES_MAX: usize = 64 << 10;
/// The API says something at least this often, if only that it is there.
const SILENCE_MAX: Duration = Duration::from_mins(1);

/// Events of a subscription whose data is `T`.
#[derive(Debug)]
pub struct Events<T> {
    body: Incoming,
    read: BytesMut,
    data: PhantomData<T>,
}

/// One event as it was sent.
#[derive(Debug, Default, PartialEq, Eq)]
struct Event {
    kind: String,
    data: String,
}

impl<T: DeserializeOwned> Events<T> {
    /// The events in `response`.
    pub(super) async fn begin(response: http::Response<Incoming>) -> Result<Self, Failure> {
        if response.status() != StatusCode::OK {
            let status = response.status();
            let body = client::read_whole(response.into_body(), REFUSAL_BYTES_MAX).await?;
            let answer: Option<Response<serde_json::Value>> = serde_json::from_slice(&body).ok();
            let error = answer.and_then(|it| it.errors.into_iter().flatten().next());
            return Err(error.map_or_else(
                || Failure::unreachable(format!("the API answered {status}")),
                |error| refused(&error),
            ));
        }
        Ok(Self {
            body: response.into_body(),
            read: BytesMut::new(),
            data: PhantomData,
        })
    }

    /// The next event; `None` when the API ends the subscription.
    ///
    /// # Errors
    /// The connection broke, in which case one may begin again behind the last cursor, or the
    /// subscription failed.
    pub async fn next(&mut self) -> Result<Option<T>, Failure> {
        loop {
            while let Some(event) = take(&mut self.read) {
                match event.kind.as_str() {
                    "complete" => return Ok(None),
                    "next" => return read(&event.data).map(Some),
                    _ => {}
                }
            }
            if self.read.len() > EVENT_BYTES_MAX {
                return Err(Failure::unreachable("the API sends an event without end"));
            }
            let broken = || Failure::unreachable("the connection to the API broke");
            let frame = timeout(SILENCE_MAX, self.body.frame());
            let frame = frame.await.map_err(|_| broken())?;
            let frame = frame.ok_or_else(broken)?.map_err(|_| broken())?;
            if let Some(bytes) = frame.data_ref() {
                self.read.extend_from_slice(bytes);
            }
        }
    }
}

fn read<T: DeserializeOwned>(data: &str) -> Result<T, Failure> {
    let answer: Response<T> = serde_json::from_str(data).map_err(|error| {
        Failure::unreachable(format!("the API tells what isn't known here: {error}"))
    })?;
    if let Some(error) = answer.errors.into_iter().flatten().next() {
        return Err(refused(&error));
    }
    answer
        .data
        .ok_or_else(|| Failure::unreachable("the API told of nothing"))
}

/// Takes the first event that is there as a whole (HTML standard §9.2.6; the API ends lines with a
/// line feed).
fn take(read: &mut BytesMut) -> Option<Event> {
    let end = read.windows(2).position(|pair| pair == b"\n\n")?;
    let block = read.split_to(end);
    read.advance(2);
    let mut event = Event::default();
    for line in String::from_utf8_lossy(&block).lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut event.kind),
            "data" => {
                if !event.data.is_empty() {
                    event.data.push('\n');
                }
                event.data.push_str(value);
            }
            _ => {}
        }
    }
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_as_they_become_whole() {
        let mut read = BytesMut::from("event: next\ndata: {\"a\":1}\n");
        assert_eq!(take(&mut read), None);
        read.extend_from_slice(b"\n:\n\nevent: complete\ndata:\n\n");
        let event = take(&mut read).expect("an event");
        assert_eq!(
            (event.kind.as_str(), event.data.as_str()),
            ("next", "{\"a\":1}")
        );
        assert_eq!(take(&mut read), Some(Event::default()), "a comment");
        assert_eq!(take(&mut read).expect("an event").kind, "complete");
        assert!(read.is_empty());
    }
}
