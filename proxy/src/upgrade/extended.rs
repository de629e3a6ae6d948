//! WebSockets on one stream of an HTTP/2 connection (RFC 8441).
//!
//! A visitor opens one by an extended `CONNECT`; its space gets the `GET` with an upgrade that it
//! would get over HTTP/1.1 (RFC 6455), and every check sees that `GET`. The handshake's key and its
//! proof don't exist over HTTP/2, so they are the edge's own. Subprotocols and extensions are agreed
//! between the visitor and the space.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{
    HeaderMap, HeaderValue, Method,
    header::{CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY},
    request::Parts,
};
use hyper::ext::Protocol;
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};

/// What a server adds to the key before it proves that it read it (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The length of a key (RFC 6455 §4.1).
const KEY_BYTES: usize = 16;

/// The edge's handshake with a space, on behalf of a visitor who made none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// What the space has to answer.
    proof: String,
}

/// Why an extended `CONNECT` isn't served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its protocol isn't WebSocket.
    UnknownProtocol,
    /// There is no randomness for a key.
    NoKey,
}

impl Handshake {
    /// Makes an extended `CONNECT` the request that a space gets. Any other request stays as it is
    /// and has no handshake.
    pub fn begin(request: &mut Parts) -> Result<Option<Self>, Refused> {
        let Some(protocol) = request.extensions.remove::<Protocol>() else {
            return Ok(None);
        };
        if request.method != Method::CONNECT || !protocol.as_str().eq_ignore_ascii_case("websocket")
        {
            return Err(Refused::UnknownProtocol);
        }
        let mut key = [0; KEY_BYTES];
        SystemRandom::new()
            .fill(&mut key)
            .map_err(|_| Refused::NoKey)?;
        let key = BASE64_STANDARD.encode(key);
        request.method = Method::GET;
        request.headers.remove(CONTENT_LENGTH);
        request.headers.remove(SEC_WEBSOCKET_ACCEPT);
        let value = HeaderValue::try_from(&key).map_err(|_| Refused::NoKey)?;
        request.headers.insert(SEC_WEBSOCKET_KEY, value);
        Ok(Some(Self { proof: proof(&key) }))
    }

    /// Whether a space that agreed to switch has read the key.
    pub fn is_proven(&self, response: &HeaderMap) -> bool {
        response
            .get(SEC_WEBSOCKET_ACCEPT)
            .is_some_and(|it| it.as_bytes() == self.proof.as_bytes())
    }
}

fn proof(key: &str) -> String {
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key.as_bytes());
    hash.update(GUID);
    BASE64_STANDARD.encode(hash.finish())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn connect(protocol: Option<&'static str>) -> Parts {
        let mut request = Request::connect("https://h/chat")
            .header(SEC_WEBSOCKET_KEY, "mine")
            .header(SEC_WEBSOCKET_ACCEPT, "mine");
        if let Some(protocol) = protocol {
            request = request.extension(Protocol::from_static(protocol));
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn the_proof_is_that_of_the_standard() {
        // RFC 6455 §1.3.
        assert_eq!(
            proof("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn an_extended_connect_becomes_a_get_with_a_key_of_the_edges_own() {
        let mut request = connect(Some("websocket"));
        let handshake = Handshake::begin(&mut request);
        let handshake = handshake.expect("it is one").expect("it is one");
        assert_eq!(request.method, Method::GET);
        let key = request.headers[SEC_WEBSOCKET_KEY].to_str().expect("text");
        assert_eq!(
            BASE64_STANDARD.decode(key).expect("base64").len(),
            KEY_BYTES
        );
        assert!(!request.headers.contains_key(SEC_WEBSOCKET_ACCEPT));
        let mut answer = HeaderMap::new();
        assert!(!handshake.is_proven(&answer));
        answer.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_static("mine"));
        assert!(!handshake.is_proven(&answer));
        let right = HeaderValue::try_from(proof(key)).expect("text");
        answer.insert(SEC_WEBSOCKET_ACCEPT, right);
        assert!(handshake.is_proven(&answer));
    }

    #[test]
    fn no_other_protocol_is_connected_to() {
        let mut other = connect(Some("connect-udp"));
        assert_eq!(Handshake::begin(&mut other), Err(Refused::UnknownProtocol));
        let mut strange = connect(Some("websocket"));
        strange.method = Method::POST;
        assert_eq!(
            Handshake::begin(&mut strange),
            Err(Refused::UnknownProtocol)
        );
        let mut plain = connect(None);
        assert_eq!(Handshake::begin(&mut plain), Ok(None));
        assert_eq!(plain.method, Method::CONNECT);
    }
}
