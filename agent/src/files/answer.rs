//! Answers and their bodies.

use std::{
    fs::File,
    io::{self, Read},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::{
    HeaderMap, Response, StatusCode,
    body::{Body as HttpBody, Frame, SizeHint},
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde::Serialize;

/// A digest, in a header or a trailer.
pub const DIGEST: HeaderName = HeaderName::from_static("spaceport-digest");

/// How much of a file is read at once.
const PIECE_BYTES: u64 = 128 << 10;

/// An answer.
pub type Answer = Response<Body>;

/// A body that is made while it is sent.
pub enum Body {
    /// All there is.
    Whole(Option<Bytes>),
    /// A part of a file.
    File(Box<Content>),
    /// Pieces until there are no more.
    Pieces(Box<dyn Iterator<Item = Bytes>>),
}

/// A part of a file.
pub struct Content {
    file: File,
    left: u64,
    /// What the digest is made with that comes behind it.
    hasher: Option<blake3::Hasher>,
}

impl Content {
    /// The next `length` bytes of a file, with a digest behind them if it is asked for.
    pub fn new(file: File, length: u64, with_digest: bool) -> Self {
        Self {
            file,
            left: length,
            hasher: with_digest.then(blake3::Hasher::new),
        }
    }

    fn next(&mut self) -> Option<io::Result<Frame<Bytes>>> {
        if self.left == 0 {
            let digest = spell(&self.hasher.take()?);
            let mut trailers = HeaderMap::new();
            trailers.insert(DIGEST, digest);
            return Some(Ok(Frame::trailers(trailers)));
        }
        let length = self.left.min(PIECE_BYTES);
        let mut piece = Vec::new();
        let read = (&mut self.file).take(length).read_to_end(&mut piece);
        match read {
            // What is shorter by now must not look whole.
            Ok(0) => Some(Err(io::ErrorKind::UnexpectedEof.into())),
            Ok(read) => {
                self.left -= u64::try_from(read).unwrap_or(u64::MAX);
                if let Some(hasher) = &mut self.hasher {
                    hasher.update(&piece);
                }
                Some(Ok(Frame::data(piece.into())))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(match &mut *self {
            Self::Whole(whole) => whole.take().map(|whole| Ok(Frame::data(whole))),
            Self::File(content) => content.next(),
            Self::Pieces(pieces) => pieces.next().map(|piece| Ok(Frame::data(piece))),
        })
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_none(),
            Self::File(content) => content.left == 0 && content.hasher.is_none(),
            Self::Pieces(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => {
                let length = whole.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::File(content) if content.hasher.is_none() => SizeHint::with_exact(content.left),
            // With a trailer behind it, it goes in chunks.
            Self::File(_) | Self::Pieces(_) => SizeHint::default(),
        }
    }
}

/// A digest as it is spelled.
pub fn digest(hasher: &blake3::Hasher) -> String {
    format!("blake3={}", hasher.finalize().to_hex())
}

/// The same as a header.
fn spell(hasher: &blake3::Hasher) -> HeaderValue {
    let value = HeaderValue::from_str(&digest(hasher));
    value.unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// An answer with a body.
pub fn with_body(status: StatusCode, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer
}

/// An answer without one.
pub fn empty(status: StatusCode) -> Answer {
    with_body(status, Body::Whole(None))
}

/// An answer in JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    // What is told has no maps with other keys than text, so that it always has a spelling.
    let body = serde_json::to_vec(value).unwrap_or_default();
    let mut answer = with_body(status, Body::Whole(Some(body.into())));
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    answer
}
