//! The files of a space, over HTTP.

use bytes::{Buf, BytesMut};
use http::{HeaderMap, HeaderName, Method, Response, StatusCode, header::CONTENT_LENGTH};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Deserialize;
use spaceport_domain::spelling;

use super::{
    listing::{Attributes, Entry, Kind, Time, read_mode},
    operand::RemotePath,
};
use crate::{
    edge::{Entered, Place},
    failure::{Failure, Kind as FailureKind},
    http as client,
};

/// Carries the digest of a body: `blake3=` and hexadecimal.
pub const DIGEST: HeaderName = HeaderName::from_static("spaceport-digest");
const KIND: HeaderName = HeaderName::from_static("spaceport-kind");
const MODE: HeaderName = HeaderName::from_static("spaceport-mode");
const MTIME: HeaderName = HeaderName::from_static("spaceport-mtime");
const TARGET: HeaderName = HeaderName::from_static("spaceport-target");
/// The longest line of a listing.
const LINE_BYTES_MAX: usize = 1 << 20;
/// Files of at most so many bytes come with the listing: a request of their own would cost more.
const CONTENT_BYTES_MAX: u64 = 32 << 10;
/// The longest answer that is neither a file nor a listing.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Failures of these codes may pass: the way to the space broke, and may be whole again; or another
/// attempt that broke is still at work there.
const PASSING: [&str; 7] = [
    "UNREACHABLE",
    "BROKEN",
    "INCOMPLETE",
    "OFFSET_MISMATCH",
    "UPSTREAM_ERROR",
    "UPSTREAM_TIMEOUT",
    "UPSTREAM_BUSY",
];

/// The files of one space.
#[derive(Clone, Debug)]
pub struct Remote<'a> {
    /// Where they are.
    pub place: Place<'a>,
}

/// What is at a path.
#[derive(Clone, Debug)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Its attributes.
    pub attributes: Attributes,
}

/// How much there is of a file, and the digest of that.
#[derive(Debug, Deserialize)]
pub struct Digested {
    /// In bytes.
    pub size: u64,
    /// `blake3=` and hexadecimal.
    pub digest: String,
}

/// A digest as it is written in headers and answers.
pub fn spelled(hash: &blake3::Hash) -> String {
    format!("blake3={}", hash.to_hex())
}

/// The way to the space broke in the middle.
pub fn broken(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure::new(
        FailureKind::Unreachable,
        "BROKEN",
        format!("{what}: {error}"),
    )
}

/// Whether it may work a little later.
pub fn is_passing(failure: &Failure) -> bool {
    PASSING.contains(&failure.code())
}

impl Remote<'_> {
    /// A request without a body.
    pub async fn ask(
        &self,
        method: Method,
        path: &RemotePath,
        query: &str,
        fields: &[(HeaderName, String)],
    ) -> Result<Response<Incoming>, Failure> {
        let target = target(path, query);
        let request = |entered: &Entered| {
            let mut request = entered.request(method.clone(), &target)?;
            for (name, value) in fields {
                request = request.header(name, value);
            }
            request
                .body(client::empty())
                .map_err(|error| Failure::refused("INVALID_REQUEST", error.to_string()))
        };
        self.place.send(request).await
    }

    /// The same; what isn't a success is a failure.
    pub async fn succeed(
        &self,
        method: Method,
        path: &RemotePath,
        query: &str,
    ) -> Result<Response<Incoming>, Failure> {
        let response = self.ask(method, path, query, &[]).await?;
        self.check(response, path).await
    }

    /// A response that is a success.
    pub async fn check(
        &self,
        response: Response<Incoming>,
        path: &RemotePath,
    ) -> Result<Response<Incoming>, Failure> {
        if response.status().is_success() {
            return Ok(response);
        }
        let is_the_edges = response.headers().contains_key("x-spaceport-error");
        let status = response.status();
        let failure = self.place.refusal(response).await;
        if is_the_edges {
            return Err(failure);
        }
        let kind = if status == StatusCode::NOT_FOUND {
            FailureKind::NotFound
        } else {
            failure.kind()
        };
        let text = format!("{}:{path}: {}", self.place.space, failure.message());
        Err(Failure::new(kind, failure.code(), text))
    }

    /// What is at `path`, links followed; `None` when there is nothing.
    pub async fn find(&self, path: &RemotePath) -> Result<Option<Found>, Failure> {
        let response = self.ask(Method::HEAD, path, "", &[]).await?;
        if response.status() == StatusCode::NOT_FOUND
            && !response.headers().contains_key("x-spaceport-error")
        {
            return Ok(None);
        }
        let response = self.check(response, path).await?;
        found(response.headers()).map(Some)
    }

    /// The digest of the first `bytes` of a file, or of what is there of an upload. `None` when
    /// there is no such thing.
    pub async fn digest(
        &self,
        path: &RemotePath,
        query: &str,
        bytes: u64,
    ) -> Result<Option<Digested>, Failure> {
        let query = format!("{query}digest-of={bytes}");
        let response = self.ask(Method::GET, path, &query, &[]).await?;
        let is_absent = matches!(
            response.status(),
            StatusCode::NOT_FOUND | StatusCode::RANGE_NOT_SATISFIABLE
        );
        if is_absent && !response.headers().contains_key("x-spaceport-error") {
            return Ok(None);
        }
        let response = self.check(response, path).await?;
        read_json(response).await.map(Some)
    }

    /// How much there is of an unfinished upload.
    pub async fn unfinished(&self, path: &RemotePath) -> Result<Option<u64>, Failure> {
        let response = self.ask(Method::HEAD, path, "part", &[]).await?;
        if !response.status().is_success() {
            return Ok(None);
        }
        Ok(text(response.headers(), &CONTENT_LENGTH).and_then(|it| it.parse().ok()))
    }

    /// Everything below a directory, parents first, and the content of small files with it.
    pub async fn list(&self, path: &RemotePath) -> Result<Listing, Failure> {
        let query = format!("recursive&content-up-to={CONTENT_BYTES_MAX}");
        let response = self.succeed(Method::GET, path, &query).await?;
        Ok(Listing {
            body: response.into_body(),
            read: BytesMut::new(),
            searched_bytes: 0,
            has_ended: false,
        })
    }
}

/// A listing as it comes.
#[derive(Debug)]
pub struct Listing {
    body: Incoming,
    read: BytesMut,
    /// So many bytes of that have no end of a line.
    searched_bytes: usize,
    has_ended: bool,
}

impl Listing {
    /// The next entry.
    pub async fn next(&mut self) -> Result<Option<Entry>, Failure> {
        loop {
            let mut unsearched = self.read.iter().skip(self.searched_bytes);
            if let Some(end) = unsearched.position(|byte| *byte == b'\n') {
                let line = self.read.split_to(self.searched_bytes + end);
                self.read.advance(1);
                self.searched_bytes = 0;
                return entry(&line).map(Some);
            }
            self.searched_bytes = self.read.len();
            if self.has_ended {
                return match self.read.split().as_ref() {
                    b"" => Ok(None),
                    line => entry(line).map(Some),
                };
            }
            if self.read.len() > LINE_BYTES_MAX {
                return Err(Failure::refused(
                    "UNTRUSTED",
                    "the listing has an endless line",
                ));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Some(bytes) = frame.data_ref() {
                        self.read.extend_from_slice(bytes);
                    }
                }
                Some(Err(error)) => return Err(broken("the listing broke off", error)),
                None => self.has_ended = true,
            }
        }
    }
}

fn entry(line: &[u8]) -> Result<Entry, Failure> {
    Entry::read(line).map_err(|error| Failure::refused("UNTRUSTED", error.to_string()))
}

/// An answer in JSON.
pub async fn read_json<T: serde::de::DeserializeOwned>(
    response: Response<Incoming>,
) -> Result<T, Failure> {
    let body = client::read_whole(response.into_body(), ANSWER_BYTES_MAX).await?;
    serde_json::from_slice(&body)
        .map_err(|error| Failure::refused("UNTRUSTED", format!("the space's answer: {error}")))
}

/// The path and query of a request.
pub fn target(path: &RemotePath, query: &str) -> String {
    let path = path.url_path();
    if query.is_empty() {
        path
    } else {
        format!("{path}?{query}")
    }
}

/// The part of a query that sets attributes.
pub fn attributes_query(attributes: Attributes) -> String {
    let Attributes { mode, modified } = attributes;
    format!("mode={mode:04o}&mtime={modified}")
}

/// The query that makes a link to `target`.
pub fn link_query(target: &[u8]) -> String {
    format!("kind=symlink&target={}", spelling::url(target))
}

/// What the header fields of a response say is there.
pub fn found(headers: &HeaderMap) -> Result<Found, Failure> {
    let broken = || Failure::refused("UNTRUSTED", "the space doesn't say what the file is");
    let kind = match text(headers, &KIND).ok_or_else(broken)? {
        "file" => {
            let size = text(headers, &CONTENT_LENGTH).and_then(|it| it.parse().ok());
            Kind::File(size.unwrap_or_default())
        }
        "directory" => Kind::Directory,
        "symlink" => {
            let target = text(headers, &TARGET).and_then(spelling::read_url);
            Kind::Symlink(target.ok_or_else(broken)?)
        }
        _ => Kind::Other,
    };
    let mode = text(headers, &MODE).and_then(read_mode);
    let modified = text(headers, &MTIME).and_then(Time::read);
    Ok(Found {
        kind,
        attributes: Attributes {
            mode: mode.ok_or_else(broken)?,
            modified: modified.ok_or_else(broken)?,
        },
    })
}

/// A header field as text.
pub fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
