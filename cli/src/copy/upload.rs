//! Files from this machine to a space.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read, Seek, SeekFrom},
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::MetadataExt,
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode,
    header::{CONTENT_LENGTH, TRAILER},
};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::{sync::mpsc, task::spawn_blocking};

use super::{
    download::{FILES_AT_ONCE, hash, mismatch},
    listing::{Attributes, Kind, Names, Time},
    operand::RemotePath,
    patience::Patience,
    progress::{Copied, Progress},
    remote::{DIGEST, Digested, Remote, attributes_query, link_query, read_json, spelled, target},
};
use crate::{
    failure::Failure,
    http::{self as client, Body},
};

/// A file of at most this size is sent in one piece.
const SMALL_BYTES: u64 = 256 << 10;
/// A file of at least this size is looked for on the other side: an earlier attempt may have sent a
/// part of it.
const RESUMED_BYTES: u64 = 4 << 20;
/// What is read of a larger file at a time, and how many such pieces wait to be sent.
const PIECE_BYTES: usize = 256 << 10;
const PIECES_MAX: usize = 8;

/// Copies files to a space.
#[derive(Debug)]
pub struct Upload<'a> {
    /// To where.
    pub remote: &'a Remote<'a>,
    /// What is counted.
    pub progress: &'a Arc<Progress>,
}

/// Something on this machine that is to be copied.
#[derive(Debug)]
struct Source {
    names: Names,
    kind: Kind,
    attributes: Attributes,
}

impl Upload<'_> {
    /// Copies one file.
    pub async fn file(&self, from: &Path, to: &RemotePath) -> Result<(), Failure> {
        let mut patience = Patience::begin();
        let mut is_first = true;
        let mut furthest = 0;
        loop {
            let (sent, attempt) = self.attempt(from, to, !is_first).await;
            let Err(failure) = attempt else {
                self.progress.file_done();
                return Ok(());
            };
            is_first = false;
            patience.wait(failure, sent > furthest).await?;
            furthest = furthest.max(sent);
        }
    }

    /// Tries once; with how much of the file is there before.
    async fn attempt(
        &self,
        from: &Path,
        to: &RemotePath,
        is_again: bool,
    ) -> (u64, Result<(), Failure>) {
        let io = |error: io::Error| Failure::io(from.display(), &error);
        let opened = File::open(from).and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, file) = match opened.map_err(io) {
            Ok((metadata, file)) => (metadata, file),
            Err(failure) => return (0, Err(failure)),
        };
        let size = metadata.len();
        let offset = if is_again || size >= RESUMED_BYTES {
            match self.resumed(&file, size, to).await {
                Ok(offset) => offset,
                Err(failure) => return (0, Err(failure)),
            }
        } else {
            0
        };
        (offset, self.put(file, &metadata, offset, from, to).await)
    }

    /// How much an earlier attempt has sent, if that is how the file begins.
    async fn resumed(&self, file: &File, size: u64, to: &RemotePath) -> Result<u64, Failure> {
        let Some(there) = self.remote.unfinished(to).await? else {
            return Ok(0);
        };
        if there == 0 || there > size {
            return Ok(0);
        }
        let Some(theirs) = self.remote.digest(to, "part&", there).await? else {
            return Ok(0);
        };
        let clone = file.try_clone();
        let clone = clone.map_err(|error| Failure::io("reading", &error))?;
        let ours = hash(clone, there).await?;
        let is_same = theirs.size == there && theirs.digest == ours;
        Ok(if is_same { there } else { 0 })
    }

    async fn put(
        &self,
        file: File,
        metadata: &Metadata,
        offset: u64,
        from: &Path,
        to: &RemotePath,
    ) -> Result<(), Failure> {
        let size = metadata.len();
        let attributes = attributes_query(attributes(metadata));
        let mut query = format!("{attributes}&size={size}");
        if offset > 0 {
            query = format!("{query}&offset={offset}");
            self.progress.skip(offset);
        }
        // Whoever was let in a moment ago still is: a body can't be made twice.
        let entered = self.remote.place.enter().await?;
        let request = entered.request(Method::PUT, &target(to, &query))?;
        let request = self.with_body(request, file, offset, size).await;
        let request = request.map_err(|error| Failure::io(from.display(), &error))?;
        let sent = self.remote.place.session.api.http.send(request).await;
        let response = sent.inspect_err(|_| self.progress.take_back(size))?;
        if response.status() == StatusCode::UNPROCESSABLE_ENTITY {
            return Err(mismatch(to));
        }
        let response = self.remote.check(response, to).await?;
        let there: Digested = read_json(response).await?;
        if there.size != size {
            let message = format!("{to}: {} bytes arrived of {size}", there.size);
            return Err(Failure::refused("SIZE_MISMATCH", message)
                .hint("the file may have changed while it was copied; try again"));
        }
        Ok(())
    }

    /// A small body goes whole with its digest in front, a large one as it is read with its digest
    /// behind it.
    async fn with_body(
        &self,
        request: http::request::Builder,
        file: File,
        offset: u64,
        size: u64,
    ) -> io::Result<Request<Body>> {
        let left = size - offset;
        let request = if left <= SMALL_BYTES {
            let bytes = spawn_blocking(move || read_rest(file, offset, left)).await??;
            self.progress.advance(bytes.len() as u64);
            request
                .header(CONTENT_LENGTH, bytes.len())
                .header(DIGEST, spelled(&blake3::hash(&bytes)))
                .body(client::full(bytes))
        } else {
            request
                .header(TRAILER, DIGEST.as_str())
                .body(self.stream(file, offset, left))
        };
        request.map_err(io::Error::other)
    }

    fn stream(&self, file: File, offset: u64, left: u64) -> Body {
        let (pieces, waiting) = mpsc::channel(PIECES_MAX);
        // It ends when nobody waits for it any more.
        spawn_blocking(move || {
            if let Err(error) = read_pieces(file, offset, left, &pieces) {
                let _ = pieces.blocking_send(Err(error));
            }
        });
        let progress = Arc::clone(self.progress);
        let frames = stream::unfold(waiting, |mut waiting| async {
            waiting.recv().await.map(|piece| (piece, waiting))
        });
        let frames = frames.inspect(move |piece: &io::Result<Frame<Bytes>>| {
            let sent = piece.as_ref().ok().and_then(Frame::data_ref);
            progress.advance(sent.map_or(0, |it| it.len() as u64));
        });
        StreamBody::new(frames).boxed_unsync()
    }

    /// Copies everything below a directory.
    pub async fn tree(&self, from: &Path, to: &RemotePath) -> Result<Copied, Failure> {
        let root = from.to_owned();
        let walked = spawn_blocking(move || walk(&root)).await;
        let walked = walked.unwrap_or_else(|error| Err(io::Error::other(error)));
        let sources = walked.map_err(|error| Failure::io(from.display(), &error))?;
        let mut copied = Copied::default();
        let there = |names: &Names| names.iter().fold(to.clone(), |path, name| path.join(name));
        let mut files = Vec::new();
        for source in &sources {
            match &source.kind {
                Kind::Directory => {
                    copied.directories += 1;
                    let path = there(&source.names);
                    self.remote
                        .succeed(Method::PUT, &path, "kind=directory")
                        .await?;
                }
                Kind::File(size) => {
                    self.progress.expect(*size);
                    files.push(&source.names);
                }
                Kind::Symlink(_) => copied.symlinks += 1,
                Kind::Other => {
                    copied.skipped += 1;
                    let path = local(from, &source.names);
                    let name = path.display();
                    self.progress.note(&format!("skipped {name}: not a file"));
                }
            }
        }
        let copies = files.into_iter().map(|names| {
            let (from, to) = (local(from, names), there(names));
            async move { self.file(&from, &to).await }
        });
        let mut copies = stream::iter(copies).buffer_unordered(FILES_AT_ONCE);
        while let Some(done) = copies.next().await {
            done?;
        }
        for source in &sources {
            if let Kind::Symlink(target) = &source.kind {
                self.link(&there(&source.names), target).await?;
            }
        }
        // A directory's time changes with what is made in it: the deepest come last in the walk.
        for source in sources.iter().rev() {
            if source.kind == Kind::Directory {
                let query = attributes_query(source.attributes);
                let path = there(&source.names);
                self.remote.succeed(Method::PATCH, &path, &query).await?;
            }
        }
        Ok(copied)
    }

    /// Makes a symbolic link, in the place of a file or a link that is there.
    async fn link(&self, to: &RemotePath, target: &[u8]) -> Result<(), Failure> {
        let query = link_query(target);
        let made = self.remote.succeed(Method::PUT, to, &query).await;
        match made {
            Err(failure) if failure.code() == "EXISTS" => {
                self.remote.succeed(Method::DELETE, to, "").await?;
                self.remote.succeed(Method::PUT, to, &query).await?;
                Ok(())
            }
            made => made.map(|_| ()),
        }
    }
}

fn read_rest(mut file: File, offset: u64, left: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(left).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a file into `pieces`, behind which comes its digest.
fn read_pieces(
    mut file: File,
    offset: u64,
    left: u64,
    pieces: &mpsc::Sender<io::Result<Frame<Bytes>>>,
) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    let mut file = file.take(left);
    let mut hasher = blake3::Hasher::new();
    loop {
        let mut piece = vec![0; PIECE_BYTES];
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        piece.truncate(read);
        hasher.update(&piece);
        if pieces.blocking_send(Ok(Frame::data(piece.into()))).is_err() {
            return Ok(());
        }
    }
    let digest = spelled(&hasher.finalize());
    let digest = HeaderValue::try_from(digest).map_err(io::Error::other)?;
    let trailers = HeaderMap::from_iter([(DIGEST, digest)]);
    let _ = pieces.blocking_send(Ok(Frame::trailers(trailers)));
    Ok(())
}

/// Everything below a directory and itself, parents first. Links are not followed.
fn walk(root: &Path) -> io::Result<Vec<Source>> {
    let mut sources = vec![source(Names::new(), root, &fs::metadata(root)?)?];
    let mut open: Vec<(Names, PathBuf)> = vec![(Names::new(), root.to_owned())];
    while let Some((names, directory)) = open.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            let names = [names.clone(), vec![entry.file_name().as_bytes().to_owned()]].concat();
            let source = source(names.clone(), &entry.path(), &entry.metadata()?)?;
            if source.kind == Kind::Directory {
                open.push((names, entry.path()));
            }
            sources.push(source);
        }
    }
    Ok(sources)
}

fn source(names: Names, path: &Path, metadata: &Metadata) -> io::Result<Source> {
    let kind = if metadata.is_dir() {
        Kind::Directory
    } else if metadata.is_file() {
        Kind::File(metadata.len())
    } else if metadata.is_symlink() {
        Kind::Symlink(fs::read_link(path)?.into_os_string().into_vec())
    } else {
        Kind::Other
    };
    Ok(Source {
        names,
        kind,
        attributes: attributes(metadata),
    })
}

fn attributes(metadata: &Metadata) -> Attributes {
    Attributes {
        mode: metadata.mode() & 0o1777,
        modified: Time {
            seconds: metadata.mtime(),
            nanoseconds: u32::try_from(metadata.mtime_nsec()).unwrap_or_default(),
        },
    }
}

fn local(root: &Path, names: &Names) -> PathBuf {
    let names = names.iter().map(|it| std::ffi::OsStr::from_bytes(it));
    names.fold(root.to_owned(), |path, name| path.join(name))
}
