//! Takes files. What is written is a part beside its place until it is whole: nobody sees half of a
//! file, and what was sent before a connection broke needn't be sent again.
//!
//! One upload has the part at a time. Of one that has brought nothing for a while the next takes it
//! over, by putting a new file in its place: whoever had it before finds so before it moves anything.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    time::Duration,
};

use http_body_util::BodyExt;
use hyper::{HeaderMap, Request, StatusCode, body::Incoming};
use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, futimens},
    io::Errno,
    process::umask,
};
use serde::Serialize;

use super::{
    address::{Address, Query},
    answer::{Answer, DIGEST, digest, json},
    failure::Failure,
};

/// What a new file may be at most, before the user's mask.
const NEW_MODE: u32 = 0o644;
/// Until it is whole it is nobody else's: what it will be may be a secret.
const PART_MODE: u32 = 0o600;
const PERMISSIONS: u32 = 0o7777;
/// An upload that has brought nothing for as long may be one whose connection was lost silently.
const STALLED: Duration = Duration::from_secs(10);

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
            if is_at(&file, &part)? {
                let _ = fs::remove_file(part.path());
            }
            return Err(failure);
        }
    };
    if size.is_some_and(|size| end < size) {
        let reason = format!("{end} bytes are there: go on from there");
        return Err(Failure::new(StatusCode::CONFLICT, "INCOMPLETE", reason));
    }
    if !is_at(&file, &part)? || file.metadata()?.len() != end {
        return Err(busy());
    }
    let mode = mode.or_else(|| before.as_ref().map(|before| before.mode() & PERMISSIONS));
    file.set_permissions(Permissions::from_mode(mode.unwrap_or_else(new_mode)))?;
    if let Some(times) = times {
        futimens(&file, &times)?;
    }
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
    let there = OpenOptions::new()
        .read(true)
        .write(true)
        // Nothing else is written that somebody has put there.
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(part.path());
    let there = match there {
        Ok(there) => Some(there),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    let Some(mut there) = there else {
        return if offset > 0 {
            Err(mismatch(0))
        } else {
            begin(part)
        };
    };
    let metadata = there.metadata()?;
    if !metadata.is_file() {
        return Err(Errno::EXIST.into());
    }
    let is_ours = hold(&there);
    // A time to come is no sign of life.
    let silent = metadata.modified()?.elapsed().unwrap_or(STALLED);
    if !is_at(&there, part)? || !is_ours && silent < STALLED {
        return Err(busy());
    }
    if offset > 0 && metadata.len() != offset {
        return Err(mismatch(metadata.len()));
    }
    if offset > 0 && is_ours {
        there.set_permissions(Permissions::from_mode(PART_MODE))?;
        there.seek(SeekFrom::Start(offset))?;
        return Ok(there);
    }
    // It is let go when the new one is there, so that nobody takes the one for the other.
    fs::remove_file(part.path())?;
    let mut file = begin(part)?;
    if io::copy(&mut there.take(offset), &mut file)? != offset {
        return Err(busy());
    }
    Ok(file)
}

/// Makes the part.
fn begin(part: &Address) -> Result<File, Failure> {
    let made = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(PART_MODE)
        .open(part.path());
    let file = made.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => busy(),
        _ => error.into(),
    })?;
    if hold(&file) && is_at(&file, part)? {
        Ok(file)
    } else {
        Err(busy())
    }
}

/// Takes a part for oneself, for as long as it is open. Returns whether nobody else has it.
fn hold(file: &File) -> bool {
    // Where the file system knows no locks, the look before the move is what is left.
    flock(file, FlockOperation::NonBlockingLockExclusive) != Err(Errno::WOULDBLOCK)
}

/// Whether the part is this file.
fn is_at(file: &File, part: &Address) -> io::Result<bool> {
    let ours = file.metadata()?;
    let there = fs::symlink_metadata(part.path());
    Ok(there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())))
}

/// The permissions of a new file for which none are said.
fn new_mode() -> u32 {
    // It can't be read without being set; the process has one thread.
    let mask = umask(Mode::empty());
    umask(mask);
    NEW_MODE & !mask.as_raw_mode()
}

/// Whoever goes on from where the part ends tries again.
fn busy() -> Failure {
    let reason = "another upload to the same place is under way";
    Failure::new(StatusCode::CONFLICT, "OFFSET_MISMATCH", reason)
}

fn mismatch(size: u64) -> Failure {
    let reason = format!("{size} bytes are there: go on from there");
    Failure::new(StatusCode::CONFLICT, "OFFSET_MISMATCH", reason)
}
