//! A WebSocket that the edge itself speaks (RFC 6455).

use std::{borrow::Cow, io, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use spaceport_domain::agent::{MESSAGE_MAX_BYTES, frame::Kind};
use tokio::{io::AsyncWriteExt, net::TcpStream, time};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::upstream::agent::{Frames, write_frames};

/// The longest message of a visitor: one that an agent takes, and what is in front of it.
const MESSAGE_MAX: usize = MESSAGE_MAX_BYTES + 1;
/// How much is read at once.
const READ_BYTES: usize = 4 << 10;
/// What may wait to be sent: one message, and answers to pings.
const WAITING_BYTES_MAX: usize = 2 * MESSAGE_MAX;
/// How long the visitor may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// A visitor's WebSocket.
pub(super) struct Socket {
    stream: WebSocketStream<TokioIo<Upgraded>>,
    /// How often the visitor is sent a ping.
    ping: Duration,
    /// Bytes that came in messages.
    pub(super) received_bytes: u64,
    /// Bytes that were sent in messages.
    pub(super) sent_bytes: u64,
}

/// Why a WebSocket ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Goodbye {
    code: CloseCode,
    reason: Cow<'static, str>,
}

impl Goodbye {
    /// It did what it was for.
    pub(super) const DONE: Self = Self::new(CloseCode::Normal, "");
    /// What let the visitor in is gone.
    pub(super) const CUT: Self = Self::new(CloseCode::Policy, "what let it through is gone");
    /// The visitor has gone.
    pub(super) const LEFT: Self = Self::new(CloseCode::Normal, "");
    /// The visitor sent what has no meaning here.
    pub(super) const MEANINGLESS: Self = Self::new(CloseCode::Protocol, "a message has no meaning");
    /// The visitor said too much at once.
    pub(super) const TOO_LONG: Self = Self::new(CloseCode::Size, "a message is too long");
    /// The visitor said nothing.
    pub(super) const SILENT: Self = Self::new(CloseCode::Policy, "nothing was asked for");
    /// The space broke off.
    pub(super) const BROKEN: Self = Self::new(CloseCode::Error, "the space broke off");
    /// The space's agent said no.
    pub(super) const REFUSED: Self = Self::new(CloseCode::Error, "refused");
    /// There is no such thing: 404 among the codes that are free to use (RFC 6455 §7.4.2).
    pub(super) const NOT_FOUND: Self = Self::new(CloseCode::Library(4404), "not found");

    const fn new(code: CloseCode, reason: &'static str) -> Self {
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
    pub(super) async fn new(stream: TokioIo<Upgraded>, ping: Duration) -> Self {
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
    pub(super) async fn hear(&mut self) -> Result<String, Goodbye> {
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
    pub(super) async fn say(&mut self, it: &impl Serialize) -> Result<(), Goodbye> {
        let text = serde_json::to_string(it).map_err(|_| Goodbye::BROKEN)?;
        self.sent_bytes += text.len() as u64;
        Ok(self.stream.send(Message::text(text)).await?)
    }

    /// Carries frames between the visitor, whose messages are a frame's kind and its payload, and
    /// an agent, until one of them ends it.
    ///
    /// Neither direction waits for the other: whoever is flooded can still say that it is enough.
    pub(super) async fn carry(&mut self, agent: &mut TcpStream) -> Goodbye {
        let (reader, mut writer) = agent.split();
        let (mut sink, mut messages) = (&mut self.stream).split();
        let (received_bytes, sent_bytes) = (&mut self.received_bytes, &mut self.sent_bytes);
        let up = async {
            let mut is_taken = true;
            while let Some(message) = messages.next().await {
                let message = match message? {
                    Message::Binary(message) => message,
                    Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
                    Message::Text(_) => return Err(Goodbye::MEANINGLESS),
                    Message::Close(_) => break,
                };
                *received_bytes += message.len() as u64;
                let (kind, payload) = read(&message).ok_or(Goodbye::MEANINGLESS)?;
                // What the agent has yet to say is of interest also when it takes nothing more.
                is_taken = is_taken && write_frames(&mut writer, kind, payload).await.is_ok();
            }
            Ok(Goodbye::LEFT)
        };
        let ping = self.ping;
        let down = async {
            let mut frames = Frames::new(reader);
            let mut has_exited = false;
            let mut pings = time::interval_at(time::Instant::now() + ping, ping);
            pings.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
            loop {
                let frame: io::Result<_> = tokio::select! {
                    frame = frames.next() => frame,
                    _ = pings.tick() => {
                        sink.send(Message::Ping(Bytes::new())).await?;
                        continue;
                    }
                };
                match frame {
                    Ok(Some((kind, payload))) => {
                        has_exited |= kind == Kind::Exit;
                        *sent_bytes += payload.len() as u64;
                        sink.send(Message::Binary(message(kind, &payload))).await?;
                    }
                    _ if has_exited => return Ok(Goodbye::DONE),
                    _ => return Err(Goodbye::BROKEN),
                }
            }
        };
        let ended: Result<Goodbye, Goodbye> = tokio::select! {
            ended = up => ended,
            ended = down => ended,
        };
        ended.unwrap_or_else(|goodbye| goodbye)
    }

    /// Says why it ends, and waits a moment for the visitor to have read it.
    pub(super) async fn end(&mut self, goodbye: Goodbye) {
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

/// What a visitor's message carries to an agent, if a visitor may send that.
fn read(message: &[u8]) -> Option<(Kind, &[u8])> {
    let (&kind, payload) = message.split_first()?;
    let kind = Kind::of(kind)?;
    matches!(kind, Kind::Data | Kind::End | Kind::Size | Kind::Signal).then_some((kind, payload))
}

/// The message that carries a frame to a visitor.
fn message(kind: Kind, payload: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(1 + payload.len());
    message.put_u8(kind as u8);
    message.put_slice(payload);
    message.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_says_what_is_for_an_agent_to_hear() {
        assert_eq!(read(&[0, 1, 2]), Some((Kind::Data, &[1, 2][..])));
        assert_eq!(read(&[2]), Some((Kind::End, &[][..])));
        for wrong in [&[][..], &[1, 1], &[5], &[6], &[7], &[8], &[9], &[255]] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
        assert_eq!(message(Kind::Stderr, b"ab"), &b"\x01ab"[..]);
    }
}
