//! What one stream of an HTTP/2 connection becomes (RFC 8441).
//!
//! A visitor opens one by an extended `CONNECT`; every check sees the `GET` with an upgrade that it
//! would be over HTTP/1.1 (RFC 6455), which a space gets. The handshake's key and its proof don't
//! exist over HTTP/2, so they are the edge's own. Subprotocols and extensions are agreed between the
//! visitor and the space.

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

/// Makes an extended `CONNECT` the `GET` that it would be over HTTP/1.1, and tells what the stream
/// is to become. Any other request stays as it is.
///
/// # Errors
///
/// The request, whose method isn't `CONNECT`, names a protocol.
pub fn begin(request: &mut Parts) -> Result<Option<Protocol>, NotConnect> {
    let Some(protocol) = request.extensions.remove::<Protocol>() else {
        return Ok(None);
    };
    if request.method != Method::CONNECT {
        return Err(NotConnect);
    }
    request.method = Method::GET;
    request.headers.remove(CONTENT_LENGTH);
    request.headers.remove(SEC_WEBSOCKET_ACCEPT);
    Ok(Some(protocol))
}

/// Only a `CONNECT` is extended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotConnect;

/// The edge's handshake with a space, on behalf of a visitor who made none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// What the space has to answer.
    proof: HeaderValue,
}

impl Handshake {
    /// Puts a new key into the fields of a request. `None`: there is no randomness for one.
    pub fn begin(request: &mut HeaderMap) -> Option<Self> {
        let mut key = [0; KEY_BYTES];
        SystemRandom::new().fill(&mut key).ok()?;
        let key = HeaderValue::try_from(BASE64_STANDARD.encode(key)).ok()?;
        let proof = proof(&key)?;
        request.insert(SEC_WEBSOCKET_KEY, key);
        Some(Self { proof })
    }

    /// Whether a space that agreed to switch has read the key.
    pub fn is_proven(&self, response: &HeaderMap) -> bool {
        response.get(SEC_WEBSOCKET_ACCEPT) == Some(&self.proof)
    }
}

/// What proves that a server has read `key`.
pub fn proof(key: &HeaderValue) -> Option<HeaderValue> {
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key.as_bytes());
    hash.update(GUID);
    HeaderValue::try_from(BASE64_STANDARD.encode(hash.finish())).ok()
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
        let key = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(proof(&key).expect("text"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn an_extended_connect_becomes_a_get_with_a_key_of_the_edges_own() {
        let mut request = connect(Some("websocket"));
        let protocol = begin(&mut request).expect("it is one").expect("it is one");
        assert_eq!(protocol.as_str(), "websocket");
        assert_eq!(request.method, Method::GET);
        assert!(!request.headers.contains_key(SEC_WEBSOCKET_ACCEPT));
        let handshake = Handshake::begin(&mut request.headers).expect("a key");
        let key = request.headers[SEC_WEBSOCKET_KEY].clone();
        assert_eq!(
            BASE64_STANDARD.decode(&key).expect("base64").len(),
            KEY_BYTES
        );
        let mut answer = HeaderMap::new();
        assert!(!handshake.is_proven(&answer));
        answer.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_static("mine"));
        assert!(!handshake.is_proven(&answer));
        let right = proof(&key).expect("text");
        answer.insert(SEC_WEBSOCKET_ACCEPT, right);
        assert!(handshake.is_proven(&answer));
    }

    #[test]
    fn nothing_else_is_extended() {
        let mut strange = connect(Some("websocket"));
        strange.method = Method::POST;
        assert_eq!(begin(&mut strange), Err(NotConnect));
        let mut plain = connect(None);
        assert_eq!(begin(&mut plain), Ok(None));
        assert_eq!(plain.method, Method::CONNECT);
    }
}
