//! Messages between a visitor and the edge.

use std::{borrow::Cow, pin::pin, time::Duration};

use bytes::Bytes;
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use spaceport_domain::agent::MESSAGE_MAX_BYTES;
use tokio::{
    io::AsyncWriteExt,
    time::{self, Interval},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

/// The longest message of a visitor: one that an agent takes, and what is in front of it.
const MESSAGE_MAX: usize = MESSAGE_MAX_BYTES + 1;
/// How much is read at once.
const READ_BYTES: usize = 4 << 10;
/// What may wait to be sent: one message, and answers to pings.
const WAITING_BYTES_MAX: usize = 2 * MESSAGE_MAX;
/// The longest reason of a goodbye (RFC 6455 §5.5), in bytes.
const REASON_MAX: usize = 123;
/// How long the visitor may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

type Stream = WebSocketStream<TokioIo<Upgraded>>;

/// A visitor's WebSocket.
pub struct Socket {
    stream: Stream,
    /// How often the visitor is sent a ping.
    ping: Duration,
    /// Bytes that came in messages.
    pub received_bytes: u64,
    /// Bytes that were sent in messages.
    pub sent_bytes: u64,
}

/// Why a WebSocket ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goodbye {
    code: CloseCode,
    reason: Cow<'static, str>,
}

impl Goodbye {
    /// It did what it was for.
    pub const DONE: Self = Self::fixed(CloseCode::Normal, "");
    /// What let the visitor in is gone.
    pub const CUT: Self = Self::fixed(CloseCode::Policy, "what let it through is gone");
    /// The visitor has gone.
    pub const LEFT: Self = Self::fixed(CloseCode::Normal, "");
    /// The visitor sent what has no meaning here.
    pub const MEANINGLESS: Self = Self::fixed(CloseCode::Protocol, "a message has no meaning");
    /// The visitor said too much at once.
    pub const TOO_LONG: Self = Self::fixed(CloseCode::Size, "a message is too long");
    /// The visitor said nothing.
    pub const SILENT: Self = Self::fixed(CloseCode::Policy, "nothing was asked for");
    /// The space broke off.
    pub const BROKEN: Self = Self::fixed(CloseCode::Error, "the space broke off");
    /// The space's agent said no.
    pub const REFUSED: Self = Self::fixed(CloseCode::Error, "refused");
    /// There is no such thing: 404 among the codes that are free to use (RFC 6455 §7.4.2).
    pub const NOT_FOUND: Self = Self::fixed(CloseCode::Library(4404), "not found");

    /// A goodbye with a reason, of which no more is said than fits.
    pub fn new(code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Self {
        let mut reason = reason.into();
        if reason.len() > REASON_MAX {
            let mut end = REASON_MAX;
            while !reason.is_char_boundary(end) {
                end -= 1;
            }
            reason.to_mut().truncate(end);
        }
        Self { code, reason }
    }

    /// The same for a reason that fits.
    pub const fn fixed(code: CloseCode, reason: &'static str) -> Self {
        Self {
            code,
            reason: Cow::Borrowed(reason),
        }
    }
}

/// What the WebSocket's own rules, or the connection, make of it.
impl From<Error> for Goodbye {
    fn from(error: Error) -> Self {
        match error {
            Error::Capacity(_) => Self::TOO_LONG,
            Error::Protocol(_) | Error::Utf8(_) => Self::MEANINGLESS,
            _ => Self::LEFT,
        }
    }
}

impl Socket {
    /// Speaks WebSocket on a stream of which both sides have agreed that it is one.
    pub async fn new(stream: TokioIo<Upgraded>, ping: Duration) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(WAITING_BYTES_MAX)
            .max_message_size(Some(MESSAGE_MAX))
            .max_frame_size(Some(MESSAGE_MAX));
        Self {
            stream: WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await,
            ping,
            received_bytes: 0,
            sent_bytes: 0,
        }
    }

    /// The next message, which must be text.
    pub async fn hear(&mut self) -> Result<String, Goodbye> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    self.received_bytes += text.len() as u64;
                    return Ok(text.as_str().to_owned());
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Binary(_))) => return Err(Goodbye::MEANINGLESS),
                Some(Ok(Message::Close(_))) | None => return Err(Goodbye::LEFT),
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }

    /// Sends `it` as JSON.
    pub async fn say(&mut self, it: &impl Serialize) -> Result<(), Goodbye> {
        let text = serde_json::to_string(it).map_err(|_| Goodbye::BROKEN)?;
        self.sent_bytes += text.len() as u64;
        Ok(self.stream.send(Message::text(text)).await?)
    }

    /// What the visitor says, and what they are told, each for itself: neither direction waits for
    /// the other, so that whoever is flooded can still say that it is enough.
    pub fn split(&mut self) -> (Incoming<'_>, Outgoing<'_>) {
        let (sink, messages) = (&mut self.stream).split();
        let mut pings = time::interval_at(time::Instant::now() + self.ping, self.ping);
        pings.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        let incoming = Incoming {
            messages,
            bytes: &mut self.received_bytes,
        };
        let outgoing = Outgoing {
            sink,
            pings,
            bytes: &mut self.sent_bytes,
        };
        (incoming, outgoing)
    }

    /// Says why it ends, and waits a moment for the visitor to have read it.
    pub async fn end(&mut self, goodbye: Goodbye) {
        let close = async {
            let frame = CloseFrame {
                code: goodbye.code,
                reason: goodbye.reason.as_ref().into(),
            };
            self.stream.close(Some(frame)).await?;
            while self.stream.next().await.is_some_and(|it| it.is_ok()) {}
            // What was sent meanwhile is read, too: a connection that is closed before that is
            // reset, and the goodbye may be lost with it.
            let stream = self.stream.get_mut();
            stream.shutdown().await?;
            tokio::io::copy(stream, &mut tokio::io::sink()).await?;
            Ok::<(), Error>(())
        };
        // Whatever comes of it, it is over.
        let _ = time::timeout(GOODBYE, close).await;
    }
}

/// What a visitor says.
pub struct Incoming<'a> {
    messages: SplitStream<&'a mut Stream>,
    bytes: &'a mut u64,
}

impl Incoming<'_> {
    /// The next message, which must be binary; `None` when the visitor has gone.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Goodbye> {
        while let Some(message) = self.messages.next().await {
            match message? {
                Message::Binary(message) => {
                    *self.bytes += message.len() as u64;
                    return Ok(Some(message));
                }
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
                Message::Text(_) => return Err(Goodbye::MEANINGLESS),
                Message::Close(_) => break,
            }
        }
        Ok(None)
    }
}

/// What a visitor is told.
pub struct Outgoing<'a> {
    sink: SplitSink<&'a mut Stream, Message>,
    pings: Interval,
    bytes: &'a mut u64,
}

impl Outgoing<'_> {
    /// Sends a message, and waits until the visitor's connection has taken it.
    pub async fn send(&mut self, message: Bytes) -> Result<(), Goodbye> {
        *self.bytes += message.len() as u64;
        Ok(self.sink.send(Message::Binary(message)).await?)
    }

    /// Waits for what is to be told next, and sends pings meanwhile.
    pub async fn wait<T>(&mut self, next: impl Future<Output = T>) -> Result<T, Goodbye> {
        let mut next = pin!(next);
        loop {
            tokio::select! {
                it = &mut next => return Ok(it),
                _ = self.pings.tick() => self.sink.send(Message::Ping(Bytes::new())).await?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_as_long_as_a_goodbye_may_be() {
        let reason = |text: &str| Goodbye::new(CloseCode::Error, text.to_owned()).reason;
        assert_eq!(reason("short"), "short");
        assert_eq!(reason(&"a".repeat(200)), "a".repeat(123));
        // It ends between characters.
        assert_eq!(reason(&format!("a{}", "ä".repeat(100))).len(), 123);
        assert_eq!(reason(&"ä".repeat(100)).len(), 122);
    }
}
