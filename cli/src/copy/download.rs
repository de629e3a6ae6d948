//! Files from a space to this machine.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream::FuturesUnordered};
use http::{
    Method, StatusCode,
    header::{RANGE, TE},
};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::{sync::mpsc, task::spawn_blocking};

use super::{
    destination::{Destination, Part},
    listing::{Attributes, Kind, Names},
    operand::RemotePath,
    patience::Patience,
    progress::{Copied, Progress},
    remote::{DIGEST, Remote, broken, found, spelled, text},
};
use crate::failure::Failure;

/// Files under way at a time.
pub const FILES_AT_ONCE: usize = 8;
/// Pieces of a file that wait to be written.
const PIECES_MAX: usize = 32;
/// What is read at a time where a file is hashed.
const HASH_BYTES: usize = 256 << 10;

/// Copies files from a space.
#[derive(Debug)]
pub struct Download<'a> {
    /// From where.
    pub remote: &'a Remote<'a>,
    /// What is counted.
    pub progress: &'a Progress,
}

impl Download<'_> {
    /// Copies one file to `name` in `destination`.
    pub async fn file(
        &self,
        path: &RemotePath,
        destination: &Destination,
        names: &Names,
    ) -> Result<(), Failure> {
        let mut patience = Patience::begin();
        loop {
            let before = destination.unfinished(names);
            let Err(failure) = self.attempt(path, destination, names).await else {
                self.progress.file_done();
                return Ok(());
            };
            let is_further = destination.unfinished(names) > before;
            patience.wait(failure, is_further).await?;
        }
    }

    async fn attempt(
        &self,
        path: &RemotePath,
        destination: &Destination,
        names: &Names,
    ) -> Result<(), Failure> {
        let io = |error: io::Error| Failure::io(path, &error);
        let part = destination.part(names).map_err(io)?;
        let offset = self.resumed(path, &part).await?;
        let mut fields = vec![(TE, "trailers".to_owned())];
        if offset > 0 {
            fields.push((RANGE, format!("bytes={offset}-")));
        }
        let response = self
            .remote
            .ask(Method::GET, path, "digest", &fields)
            .await?;
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            return self.finish_whole(path, part, offset).await;
        }
        let response = self.remote.check(response, path).await?;
        let attributes = found(response.headers())?.attributes;
        // Who doesn't know ranges sends everything.
        let offset = match response.status() {
            StatusCode::PARTIAL_CONTENT => offset,
            _ => 0,
        };
        self.progress.skip(offset);
        let file = part.file.try_clone().map_err(io)?;
        let (received, digest) = self
            .receive(path, response.into_body(), file, offset)
            .await?;
        if digest.as_deref() != Some(received.as_str()) {
            part.remove().map_err(io)?;
            return Err(match digest {
                Some(_) => mismatch(path),
                None => Failure::refused(
                    "DIGEST_MISSING",
                    format!("{path}: the space sent no checksum"),
                ),
            });
        }
        self.finish(path, part, attributes).await
    }

    /// How much an earlier attempt has left, if that is how the file begins.
    async fn resumed(&self, path: &RemotePath, part: &Part) -> Result<u64, Failure> {
        let io = |error: io::Error| Failure::io(path, &error);
        let length = part.file.metadata().map_err(io)?.len();
        if length == 0 {
            return Ok(0);
        }
        let theirs = self.remote.digest(path, "", length).await?;
        let theirs = theirs.filter(|it| it.size == length);
        let ours = match &theirs {
            Some(_) => Some(hash(part.file.try_clone().map_err(io)?, length).await?),
            None => None,
        };
        if theirs.map(|it| it.digest) == ours && ours.is_some() {
            return Ok(length);
        }
        part.file.set_len(0).map_err(io)?;
        Ok(0)
    }

    /// There is nothing behind `offset`: the file is whole, or has become shorter.
    async fn finish_whole(
        &self,
        path: &RemotePath,
        part: Part,
        offset: u64,
    ) -> Result<(), Failure> {
        match self.remote.find(path).await? {
            Some(now) if now.kind == Kind::File(offset) => {
                self.progress.skip(offset);
                self.finish(path, part, now.attributes).await
            }
            _ => {
                part.file
                    .set_len(0)
                    .map_err(|error| Failure::io(path, &error))?;
                Err(broken("the file has changed meanwhile", path))
            }
        }
    }

    async fn finish(
        &self,
        path: &RemotePath,
        part: Part,
        attributes: Attributes,
    ) -> Result<(), Failure> {
        let finished = spawn_blocking(move || part.finish(attributes)).await;
        let finished = finished.unwrap_or_else(|error| Err(io::Error::other(error)));
        finished.map_err(|error| Failure::io(path, &error))
    }

    /// Writes a body behind `offset`; its digest, and the one that the space says it has.
    async fn receive(
        &self,
        path: &RemotePath,
        mut body: Incoming,
        file: File,
        offset: u64,
    ) -> Result<(String, Option<String>), Failure> {
        let (pieces, waiting) = mpsc::channel(PIECES_MAX);
        let writing = spawn_blocking(move || write(file, offset, waiting));
        let mut told = None;
        let mut count = 0;
        let received = loop {
            match body.frame().await {
                None => break Ok(()),
                Some(Err(error)) => break Err(broken("the file broke off", error)),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => {
                        let length = bytes.len() as u64;
                        // The writer has failed; it says why.
                        if pieces.send(bytes).await.is_err() {
                            break Ok(());
                        }
                        count += length;
                        self.progress.advance(length);
                    }
                    Err(frame) => {
                        let trailers = frame.into_trailers().ok();
                        told = trailers.and_then(|it| text(&it, &DIGEST).map(str::to_owned));
                    }
                },
            }
        };
        drop(pieces);
        let written = writing.await;
        let written = written.unwrap_or_else(|error| Err(io::Error::other(error)));
        let digest = written.map_err(|error| Failure::io(path, &error))?;
        if received.is_err() {
            self.progress.take_back(offset + count);
        }
        received.map(|()| (digest, told))
    }

    /// Copies everything below a directory to `to`, or to `name` in it.
    pub async fn tree(
        &self,
        path: &RemotePath,
        attributes: Attributes,
        to: &Path,
        name: Option<&OsStr>,
    ) -> Result<Copied, Failure> {
        let root = name.map_or_else(|| to.to_owned(), |name| to.join(name));
        let made = Destination::of_tree(to, name);
        let to = root.as_path();
        let (destination, is_ours) = made.map_err(|error| failed(to.display(), &error))?;
        let mut listing = self.remote.list(path).await?;
        let mut copied = Copied {
            directories: 1,
            ..Copied::default()
        };
        // Directories get their attributes when everything is in them, and links are made when
        // nothing is written any more.
        let mut directories: Vec<(Names, Attributes)> = Vec::new();
        let mut links: Vec<(Names, Vec<u8>)> = Vec::new();
        let mut under_way = FuturesUnordered::new();
        while let Some(entry) = listing.next().await? {
            match entry.kind {
                Kind::Directory => {
                    let made = destination.make_directory(&entry.names);
                    made.map_err(|error| at(to, &entry.names, &error))?;
                    directories.push((entry.names, entry.attributes));
                }
                Kind::Symlink(target) => links.push((entry.names, target)),
                Kind::Other => {
                    copied.skipped += 1;
                    let name = shown(to, &entry.names);
                    self.progress.note(&format!("skipped {name}: not a file"));
                }
                Kind::File(size) => {
                    self.progress.expect(size);
                    let names = entry.names;
                    if let Some(content) = entry.content {
                        let made = destination.whole(&names, &content, entry.attributes);
                        made.map_err(|error| at(to, &names, &error))?;
                        self.progress.advance(size);
                        self.progress.file_done();
                        continue;
                    }
                    let file = names
                        .iter()
                        .fold(path.clone(), |path, name| path.join(name));
                    let destination = &destination;
                    under_way.push(async move { self.file(&file, destination, &names).await });
                    while under_way.len() >= FILES_AT_ONCE {
                        under_way.next().await.transpose()?;
                    }
                }
            }
        }
        while let Some(done) = under_way.next().await {
            done?;
        }
        drop(under_way);
        copied.directories += directories.len() as u64;
        copied.symlinks = links.len() as u64;
        for (names, target) in links {
            let made = destination.link(&names, &target);
            made.map_err(|error| at(to, &names, &error))?;
        }
        for (names, attributes) in directories.iter().rev() {
            let finished = destination.finish_directory(names, *attributes);
            finished.map_err(|error| at(to, names, &error))?;
        }
        if is_ours {
            let finished = destination.finish_directory(&Names::new(), attributes);
            finished.map_err(|error| Failure::io(to.display(), &error))?;
        }
        Ok(copied)
    }
}

/// What came isn't what was sent.
pub fn mismatch(path: &RemotePath) -> Failure {
    Failure::refused(
        "DIGEST_MISMATCH",
        format!("{path}: the checksum is wrong, and nothing was kept"),
    )
    .hint("something on the way changes what passes, or a disk fails; try again")
}

fn at(root: &Path, names: &Names, error: &io::Error) -> Failure {
    failed(shown(root, names), error)
}

fn failed(what: impl std::fmt::Display, error: &io::Error) -> Failure {
    let failure = Failure::io(what, error);
    match error
        .raw_os_error()
        .map(rustix::io::Errno::from_raw_os_error)
    {
        Some(rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR) => failure.hint(
            "there is a link or a file where a directory is needed, and links are not followed",
        ),
        _ => failure,
    }
}

fn shown(root: &Path, names: &Names) -> String {
    let names = names.join(&b'/');
    format!("{}/{}", root.display(), String::from_utf8_lossy(&names))
}

/// Writes pieces behind `offset` as they come; their digest.
fn write(mut file: File, offset: u64, mut pieces: mpsc::Receiver<Bytes>) -> io::Result<String> {
    file.set_len(offset)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut hasher = blake3::Hasher::new();
    while let Some(piece) = pieces.blocking_recv() {
        hasher.update(&piece);
        file.write_all(&piece)?;
    }
    Ok(spelled(&hasher.finalize()))
}

/// The digest of the first `bytes` of a file.
pub async fn hash(mut file: File, bytes: u64) -> Result<String, Failure> {
    let hashing = spawn_blocking(move || {
        file.seek(SeekFrom::Start(0))?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; HASH_BYTES];
        let mut file = file.take(bytes);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(spelled(&hasher.finalize())),
                read => hasher.update(&buffer[..read]),
            };
        }
    });
    let hashed = hashing.await;
    let hashed = hashed.unwrap_or_else(|error| Err(io::Error::other(error)));
    hashed.map_err(|error| Failure::io("reading", &error))
}
