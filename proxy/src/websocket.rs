//! WebSockets that the edge itself speaks (RFC 6455), over HTTP/1.1 and HTTP/2.

mod socket;

use std::time::Instant;

use http::{
    HeaderMap, HeaderValue, Response,
    header::{
        SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    },
};

pub use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

pub use self::socket::{Goodbye, Incoming, Outgoing, Socket};
use crate::{
    headers::Malformed,
    http::{Routed, body::Source},
    reply::Answer,
    upgrade::{Counted, Switch, Wish, extended},
};

/// The version of the protocol (RFC 6455 §4.1).
const VERSION: &str = "13";

/// A WebSocket that the edge has agreed to.
pub struct Agreed {
    switch: Switch,
}

/// A WebSocket that is open.
pub struct Opened {
    /// What is said on it.
    pub socket: Socket,
    /// What it was made of.
    pub switch: Switch,
    counted: Counted,
    began: Instant,
}

impl Agreed {
    /// Agrees to the WebSocket that `request` wishes for, and to `subprotocol`, if that is among
    /// those it offers. Gives the answer to the visitor, too.
    ///
    /// # Errors
    ///
    /// The handshake is none.
    pub fn to(
        request: &mut Routed<'_>,
        wish: Wish,
        subprotocol: Option<&'static str>,
    ) -> Result<(Self, Response<Source>), Answer> {
        request.refuse_body()?;
        let fields = handshake(&request.parts.headers, wish, subprotocol);
        let fields = fields.map_err(Answer::malformed)?;
        let switch = Switch::of(request, wish);
        let answer = switch.answer(fields);
        Ok((Self { switch }, answer))
    }

    /// The WebSocket, once the visitor has got the answer; `None` if they have gone before.
    pub async fn opened(self) -> Option<Opened> {
        let Self { mut switch } = self;
        let began = Instant::now();
        let (stream, counted) = switch.opened().await?;
        Some(Opened {
            socket: Socket::new(stream, switch.limits.ping).await,
            switch,
            counted,
            began,
        })
    }
}

impl Opened {
    /// Says goodbye, and notes the end.
    pub async fn end(mut self, goodbye: Goodbye) {
        self.socket.end(goodbye).await;
        drop(self.counted);
        let (received_bytes, sent_bytes) = (self.socket.received_bytes, self.socket.sent_bytes);
        self.switch.ended(self.began, received_bytes, sent_bytes);
    }
}

/// The fields that agree to a WebSocket. Over HTTP/2 there is nothing to prove (RFC 8441 §5).
fn handshake(
    headers: &HeaderMap,
    wish: Wish,
    subprotocol: Option<&'static str>,
) -> Result<HeaderMap, Malformed> {
    let version = headers.get(SEC_WEBSOCKET_VERSION);
    if version != Some(&HeaderValue::from_static(VERSION)) {
        return Err(Malformed::Handshake);
    }
    let mut fields = HeaderMap::new();
    if !wish.extended {
        let key = headers.get(SEC_WEBSOCKET_KEY);
        let proof = key.and_then(extended::proof);
        fields.insert(SEC_WEBSOCKET_ACCEPT, proof.ok_or(Malformed::Handshake)?);
    }
    if let Some(name) = subprotocol.filter(|name| offers(headers, name)) {
        fields.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
    }
    Ok(fields)
}

/// Whether a visitor offers the subprotocol `name`.
fn offers(headers: &HeaderMap, name: &str) -> bool {
    let fields = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    fields
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(','))
        .any(|it| it.trim() == name)
}
