//! Takes files. What is written is a part beside its place until it is whole: nobody sees half of a
//! file, and what was sent before a connection broke needn't be sent again.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
};

use http_body_util::BodyExt;
use hyper::{HeaderMap, Request, StatusCode, body::Incoming};
use rustix::fs::{OFlags, futimens};
use serde::Serialize;

use super::{
    address::{Address, Query},
    answer::{Answer, DIGEST, digest, json},
    failure::Failure,
};

/// What a new file may be at most, before the user's mask.
const NEW_MODE: u32 = 0o644;
const PERMISSIONS: u32 = 0o7777;

/// What was taken.
#[derive(Serialize)]
struct Taken {
    size: u64,
    digest: String,
}

/// Takes a file, or the rest of one.
pub async fn put(
    request: Request<Incoming>,
    address: &Address,
    query: &Query,
) -> Result<Answer, Failure> {
    let (mode, times) = (query.mode()?, query.times()?);
    let (offset, size) = (query.number("offset")?.unwrap_or(0), query.number("size")?);
    let address = address.clone().followed();
    let before = fs::symlink_metadata(address.path()).ok();
    if before.as_ref().is_some_and(fs::Metadata::is_dir) {
        return Err(Failure::is_a_directory());
    }
    let part = address.part()?;
    let mut file = open(&part, offset)?;
    let received = receive(request, &mut file, offset, size).await;
    let (end, hasher) = match received {
        Ok(received) => received,
        Err(Broken::Connection) => {
            let reason = "the connection broke: go on from the part's size";
            return Err(Failure::new(StatusCode::BAD_REQUEST, "BROKEN", reason));
        }
        Err(Broken::Wrong(failure)) => {
            // It is of no use to anybody, and a full disk needs the room.
            let _ = fs::remove_file(part.path());
            return Err(failure);
        }
    };
    if size.is_some_and(|size| end < size) {
        let reason = format!("{end} bytes are there: go on from there");
        return Err(Failure::new(StatusCode::CONFLICT, "INCOMPLETE", reason));
    }
    let mode = mode.or_else(|| before.as_ref().map(|before| before.mode() & PERMISSIONS));
    if let Some(mode) = mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    if let Some(times) = times {
        futimens(&file, &times)?;
    }
    drop(file);
    fs::rename(part.path(), address.path())?;
    let status = match before {
        Some(_) => StatusCode::OK,
        None => StatusCode::CREATED,
    };
    let digest = digest(&hasher);
    Ok(json(status, &Taken { size: end, digest }))
}

/// Why nothing more came.
enum Broken {
    /// What came is good.
    Connection,
    /// What came is no good.
    Wrong(Failure),
}

impl<F: Into<Failure>> From<F> for Broken {
    fn from(failure: F) -> Self {
        Self::Wrong(failure.into())
    }
}

/// Writes what comes behind `offset`. Returns where it ends, and what makes its digest.
async fn receive(
    request: Request<Incoming>,
    file: &mut File,
    offset: u64,
    size: Option<u64>,
) -> Result<(u64, blake3::Hasher), Broken> {
    let mut said = request.headers().get(DIGEST).cloned();
    let mut body = request.into_body();
    let (mut end, mut hasher) = (offset, blake3::Hasher::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Broken::Connection)?;
        match frame.into_data() {
            Ok(piece) => {
                end += u64::try_from(piece.len()).unwrap_or(u64::MAX);
                if size.is_some_and(|size| end > size) {
                    Err(Failure::invalid("more came than the file's size"))?;
                }
                hasher.update(&piece);
                file.write_all(&piece)?;
            }
            Err(frame) => {
                let trailer = frame
                    .trailers_ref()
                    .and_then(|it: &HeaderMap| it.get(DIGEST));
                said = trailer.cloned().or(said);
            }
        }
    }
    if said.is_some_and(|said| said.as_bytes() != digest(&hasher).as_bytes()) {
        let reason = "what came isn't what was sent";
        let mismatch = StatusCode::UNPROCESSABLE_ENTITY;
        Err(Failure::new(mismatch, "DIGEST_MISMATCH", reason))?;
    }
    Ok((end, hasher))
}

/// Opens the part, to write behind its first `offset` bytes, of which it must consist.
fn open(part: &Address, offset: u64) -> Result<File, Failure> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(offset == 0)
        .truncate(offset == 0)
        .mode(NEW_MODE)
        // Nothing else is written that somebody has put there.
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(part.path())
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if offset > 0 => mismatch(0),
            _ => error.into(),
        })?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(rustix::io::Errno::EXIST.into());
    }
    if metadata.len() != offset {
        return Err(mismatch(metadata.len()));
    }
    file.seek(SeekFrom::Start(offset))?;
    Ok(file)
}

fn mismatch(size: u64) -> Failure {
    let reason = format!("{size} bytes are there: go on from there");
    Failure::new(StatusCode::CONFLICT, "OFFSET_MISMATCH", reason)
}
