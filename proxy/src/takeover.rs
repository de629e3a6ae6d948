//! A running edge hands its listening sockets over to its successor, so that nobody who comes
//! meanwhile is refused: what waits in the kernel waits for whoever takes it.
//!
//! They meet at a Unix socket in the data directory, which is the last of what is handed over.
//!
//! ```text
//! successor                                      predecessor
//!     │ ── connects ──────────────────────────────▶ │ looks whose process it is
//!     │ ◀─ OFFER, the sockets ───────────────────── │ has saved its routes
//!     │ reads routes and certificates               │ serves
//!     │ ── READY ─────────────────────────────────▶ │ saves its routes for the last time
//!     │ ◀─ YOURS ────────────────────────────────── │
//!     │ reads the routes again, and serves          │ drains
//! ```
//!
//! Until YOURS is written nothing has changed for the predecessor: a successor that fails or falls
//! silent before is forgotten.

use std::{
    fs,
    io::{self, IoSlice, IoSliceMut, Read, Write},
    mem::MaybeUninit,
    net::TcpListener,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{
            fs::PermissionsExt,
            net::{UnixListener, UnixStream},
        },
    },
    path::Path,
    process,
    time::Duration,
};

use rustix::{
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg, sockopt::socket_peercred,
    },
    process::geteuid,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time,
};

use crate::sockets::Sockets;

/// The first byte of an offer of three sockets: visitors', metrics', and the one for takeovers.
const OFFER: u8 = 1;
/// The same of four: SSH clients' is the last. An edge that doesn't know of SSH leaves it.
const OFFER_WITH_SSH: u8 = 2;
/// The offer's other bytes: whether there are routes, and the process's number.
const OFFER_BYTES: usize = 1 + 1 + 4;
const READY: u8 = b'R';
const YOURS: u8 = b'Y';
/// Sockets in an offer, at most.
const SOCKETS_MAX: usize = 4;

/// How long a successor waits for each word of its predecessor.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a predecessor waits until its successor is ready.
const READY_TIMEOUT: Duration = Duration::from_mins(1);

/// Why the sockets can't be taken over.
#[derive(Debug, thiserror::Error)]
pub enum TakeoverError {
    /// The predecessor is silent, or has broken off.
    #[error("the edge that runs in this data directory doesn't hand over: {0}")]
    Talk(#[from] io::Error),
    /// It says something else than this version does.
    #[error(
        "the edge that runs in this data directory is of a version that hands over differently"
    )]
    Version,
    /// Somebody else's process listens at the socket.
    #[error("the socket for takeovers belongs to user {0}")]
    Stranger(u32),
    /// The predecessor knows routes, and they can't be read from its file.
    #[error("the routes of the edge that runs can't be read from its file")]
    NoRoutes,
}

/// What an edge gets from its predecessor.
#[derive(Debug)]
pub struct Handed {
    /// Where visitors come in.
    pub visitors: TcpListener,
    /// Where health and metrics are.
    pub metrics: TcpListener,
    /// Where the next successor will come.
    pub takeover: UnixListener,
    /// Where SSH clients come in, if they do.
    pub ssh: Option<TcpListener>,
}

/// The edge that is to be replaced; dropping it leaves everything as it is.
#[derive(Debug)]
pub struct Predecessor {
    stream: UnixStream,
    /// Its process, for the log.
    pub pid: u32,
    /// Whether it has routes to serve.
    pub has_routes: bool,
}

impl Predecessor {
    /// The edge that runs with its socket at `path`, and what it offers; `None` when there is none.
    pub fn find(path: &Path) -> Result<Option<(Self, Handed)>, TakeoverError> {
        let stream = match UnixStream::connect(path) {
            Ok(stream) => stream,
            Err(error) => {
                use io::ErrorKind::{ConnectionRefused, NotFound};
                // Left by one that was killed, or nobody's at all.
                if !matches!(error.kind(), ConnectionRefused | NotFound) {
                    tracing::warn!(%error, path = %path.display(), "no edge can be taken over from");
                }
                return Ok(None);
            }
        };
        if let Some(user) = stranger(&stream)? {
            return Err(TakeoverError::Stranger(user));
        }
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        let (offer, sockets) = receive(&stream)?;
        let [version, has_routes, pid @ ..] = offer;
        let mut sockets = sockets.into_iter();
        let mut next = || sockets.next().ok_or(TakeoverError::Version);
        let [visitors, metrics, takeover] = [next()?, next()?, next()?];
        let ssh = match version {
            OFFER => None,
            OFFER_WITH_SSH => Some(next()?.into()),
            _ => return Err(TakeoverError::Version),
        };
        let predecessor = Self {
            stream,
            pid: u32::from_le_bytes(pid),
            has_routes: has_routes != 0,
        };
        let handed = Handed {
            visitors: visitors.into(),
            metrics: metrics.into(),
            takeover: takeover.into(),
            ssh,
        };
        Ok(Some((predecessor, handed)))
    }

    /// Says that everything is ready, and waits until the sockets are this process's alone.
    pub fn replace(mut self) -> Result<(), TakeoverError> {
        self.stream.write_all(&[READY])?;
        let mut word = [0];
        self.stream.read_exact(&mut word)?;
        if word == [YOURS] {
            Ok(())
        } else {
            Err(TakeoverError::Version)
        }
    }
}

/// An edge that wants to replace this one.
#[derive(Debug)]
pub struct Successor {
    stream: tokio::net::UnixStream,
    /// Its process, for the log.
    pub pid: i32,
}

impl Successor {
    /// The next one that comes. Processes of other users are sent away.
    pub async fn next(listener: &tokio::net::UnixListener) -> io::Result<Self> {
        loop {
            let (stream, _) = listener.accept().await?;
            match stranger(&stream)? {
                None => {
                    let pid = stream.peer_cred()?.pid().unwrap_or_default();
                    return Ok(Self { stream, pid });
                }
                Some(user) => tracing::warn!(user, "another user's process asked for the sockets"),
            }
        }
    }

    /// Offers the sockets, in the order of [`Handed`], and waits until the successor is ready.
    pub async fn prepare(&mut self, sockets: &Sockets, has_routes: bool) -> io::Result<()> {
        let takeover = sockets.takeover.as_ref();
        let takeover = takeover.ok_or(io::ErrorKind::NotConnected)?;
        let mut offered = vec![
            sockets.visitors.as_fd(),
            sockets.metrics.as_fd(),
            takeover.as_fd(),
        ];
        let version = match &sockets.ssh {
            None => OFFER,
            Some(ssh) => {
                offered.push(ssh.as_fd());
                OFFER_WITH_SSH
            }
        };
        let [a, b, c, d] = process::id().to_le_bytes();
        let offer = [version, u8::from(has_routes), a, b, c, d];
        // So few bytes always fit into a new connection.
        send(&self.stream, &offer, &offered)?;
        let ready = time::timeout(READY_TIMEOUT, self.stream.read_u8()).await;
        match ready.unwrap_or_else(|elapsed| Err(elapsed.into()))? {
            READY => Ok(()),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Leaves the sockets to the successor.
    pub async fn let_go(mut self) -> io::Result<()> {
        self.stream.write_all(&[YOURS]).await
    }
}

/// Opens the socket for takeovers, for this user alone. What is at `path` was left by an edge that
/// was killed.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    // Who connects before is looked at, too.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// The user at the other end, when it is neither this process's nor root.
fn stranger(stream: impl AsFd) -> io::Result<Option<u32>> {
    let user = socket_peercred(stream)?.uid;
    let known = user == geteuid() || user.is_root();
    Ok((!known).then(|| user.as_raw()))
}

fn send(stream: impl AsFd, bytes: &[u8], sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fits = control.push(SendAncillaryMessage::ScmRights(sockets));
    let sent = sendmsg(
        stream,
        &[IoSlice::new(bytes)],
        &mut control,
        SendFlags::NOSIGNAL,
    )?;
    if fits && sent == bytes.len() {
        Ok(())
    } else {
        Err(io::ErrorKind::WriteZero.into())
    }
}

/// An offer. Sockets come with its first byte (unix(7)), and so with all of it, as it is sent at
/// once and shorter than any buffer.
fn receive(stream: &UnixStream) -> io::Result<([u8; OFFER_BYTES], Vec<OwnedFd>)> {
    let mut bytes = [0; OFFER_BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(
        stream,
        &mut [IoSliceMut::new(&mut bytes)],
        &mut control,
        flags,
    )?;
    if received.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let sockets = control
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
            _ => None,
        })
        .flatten()
        .collect();
    Ok((bytes, sockets))
}
