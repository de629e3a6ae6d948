//! Reads files.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{Read, Seek, SeekFrom},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
};

use hyper::{
    Method, Request, StatusCode,
    body::Incoming,
    header::{
        ACCEPT, ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
        HeaderName, HeaderValue, IF_RANGE, RANGE, TRAILER, X_CONTENT_TYPE_OPTIONS,
    },
};
use rustix::fs::OFlags;
use serde::Serialize;
use spaceport_domain::spelling;

use super::{
    address::{Address, Query},
    answer::{Answer, Body, Content, DIGEST, digest, empty, json, with_body},
    failure::Failure,
    kind, listing,
};

const TARGET: HeaderName = HeaderName::from_static("spaceport-target");
/// How much is read at once for a digest.
const DIGEST_BUFFER_BYTES: usize = 256 << 10;

/// The digest of the beginning of a file.
#[derive(Serialize)]
struct Beginning {
    size: u64,
    digest: String,
}

/// Which bytes of a file are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    All,
    /// From the first of these to before the second.
    Part(u64, u64),
    /// There are none such.
    None,
}

/// Answers with what is at an address.
pub fn get(
    request: &Request<Incoming>,
    address: &Address,
    query: &Query,
) -> Result<Answer, Failure> {
    let part;
    let address = if query.has("part") {
        part = address.clone().followed().part()?;
        &part
    } else {
        address
    };
    if let Some(count) = query.number("digest-of")? {
        return digest_of(address, count);
    }
    let metadata = if query.has("nofollow") || query.has("part") {
        fs::symlink_metadata(address.path())?
    } else {
        fs::metadata(address.path())?
    };
    let mut answer = if metadata.is_dir() {
        let accepted = request.headers().get(ACCEPT).map(HeaderValue::as_bytes);
        let wants_page = accepted.is_some_and(|accepted| accepted.starts_with(b"text/html"));
        let content_up_to = query.number("content-up-to")?;
        listing::list(address, query.has("recursive"), content_up_to, wants_page)?
    } else if metadata.is_symlink() {
        symlink(address)?
    } else if metadata.is_file() {
        file(request, address, query)?
    } else if request.method() == Method::HEAD {
        empty(StatusCode::OK)
    } else {
        return Err(Failure::not_a_file());
    };
    kind::describe(&metadata, answer.headers_mut());
    let headers = answer.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(answer)
}

fn symlink(address: &Address) -> Result<Answer, Failure> {
    let target = spelling::url(fs::read_link(address.path())?.as_os_str().as_bytes());
    let mut answer = empty(StatusCode::OK);
    if let Ok(target) = HeaderValue::from_str(&target) {
        answer.headers_mut().insert(TARGET, target);
    }
    Ok(answer)
}

fn open(address: &Address) -> Result<(File, Metadata), Failure> {
    let file = OpenOptions::new()
        .read(true)
        // A pipe that nobody else has open would hold up everything.
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(address.path())?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

fn file(request: &Request<Incoming>, address: &Address, query: &Query) -> Result<Answer, Failure> {
    let (mut file, metadata) = open(address)?;
    let size = metadata.len();
    let (status, start, end) = match wanted(request, &metadata) {
        Wanted::All => (StatusCode::OK, 0, size),
        Wanted::Part(start, end) => (StatusCode::PARTIAL_CONTENT, start, end),
        Wanted::None => {
            let mut answer = empty(StatusCode::RANGE_NOT_SATISFIABLE);
            set(&mut answer, CONTENT_RANGE, &format!("bytes */{size}"));
            return Ok(answer);
        }
    };
    let with_digest = query.has("digest");
    let mut answer = if request.method() == Method::HEAD {
        let mut answer = empty(status);
        set(&mut answer, CONTENT_LENGTH, &(end - start).to_string());
        answer
    } else {
        file.seek(SeekFrom::Start(start))?;
        let content = Content::new(file, end - start, with_digest);
        with_body(status, Body::File(Box::new(content)))
    };
    if with_digest {
        set(&mut answer, TRAILER, DIGEST.as_str());
    }
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {start}-{}/{size}", end - 1);
        set(&mut answer, CONTENT_RANGE, &range);
    }
    set(&mut answer, ACCEPT_RANGES, "bytes");
    set(&mut answer, CONTENT_TYPE, "application/octet-stream");
    set(&mut answer, CONTENT_DISPOSITION, "attachment");
    Ok(answer)
}

fn set(answer: &mut Answer, name: HeaderName, value: &str) {
    // All of these are plain text.
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

fn wanted(request: &Request<Incoming>, metadata: &Metadata) -> Wanted {
    let headers = request.headers();
    let condition = headers.get(IF_RANGE).map(HeaderValue::as_bytes);
    let is_other = condition.is_some_and(|tag| tag != kind::tag(metadata).as_bytes());
    match headers.get(RANGE).and_then(|range| range.to_str().ok()) {
        Some(range) if !is_other => range_of(range, metadata.len()),
        _ => Wanted::All,
    }
}

/// Reads a range (RFC 9110 §14.1.2). More than one, or none that makes sense, is as if nothing was
/// said.
fn range_of(range: &str, size: u64) -> Wanted {
    let Some((first, last)) = range
        .strip_prefix("bytes=")
        .and_then(|it| it.split_once('-'))
    else {
        return Wanted::All;
    };
    match (first.parse(), last.parse::<u64>()) {
        (Ok(first), _) if first >= size => Wanted::None,
        (Ok(first), Err(_)) if last.is_empty() => Wanted::Part(first, size),
        (Ok(first), Ok(last)) if last >= first => {
            Wanted::Part(first, last.saturating_add(1).min(size))
        }
        (Err(_), Ok(0)) if first.is_empty() => Wanted::None,
        (Err(_), Ok(last)) if first.is_empty() && size > 0 => {
            Wanted::Part(size.saturating_sub(last), size)
        }
        _ => Wanted::All,
    }
}

/// The digest of the first bytes, of as many as there are. Nothing but files has an end that is known.
fn digest_of(address: &Address, count: u64) -> Result<Answer, Failure> {
    let (file, metadata) = open(address)?;
    if metadata.is_dir() {
        return Err(Failure::is_a_directory());
    }
    if !metadata.is_file() {
        return Err(Failure::not_a_file());
    }
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; DIGEST_BUFFER_BYTES];
    let (mut file, mut size) = (file.take(count.min(metadata.len())), 0);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        size += u64::try_from(read).unwrap_or(u64::MAX);
    }
    let digest = digest(&hasher);
    Ok(json(StatusCode::OK, &Beginning { size, digest }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        for (range, wanted) in [
            ("bytes=0-", Wanted::Part(0, 10)),
            ("bytes=4-6", Wanted::Part(4, 7)),
            ("bytes=4-99", Wanted::Part(4, 10)),
            ("bytes=-3", Wanted::Part(7, 10)),
            ("bytes=-99", Wanted::Part(0, 10)),
            ("bytes=10-", Wanted::None),
            ("bytes=-0", Wanted::None),
            ("bytes=6-4", Wanted::All),
            ("bytes=-", Wanted::All),
            ("bytes=0-1,4-5", Wanted::All),
            ("lines=1-2", Wanted::All),
        ] {
            assert_eq!(range_of(range, 10), wanted, "{range}");
        }
        assert_eq!(range_of("bytes=0-", 0), Wanted::None);
    }
}
