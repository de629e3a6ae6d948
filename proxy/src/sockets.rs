//! The sockets an edge listens on.
//!
//! What the kernel watches for the edge is set on the listening socket, from which every
//! connection inherits it: that answers aren't held back, that a visitor who vanished is noticed,
//! and that one who doesn't read is given up on.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::{fd::AsFd, unix::net::UnixListener},
    time::Duration,
};

use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};
use socket2::SockRef;

use crate::{
    settings::{Limits, Settings},
    takeover::{self, Handed},
};

/// What the kernel takes of one connection before the other side takes anything. Without it, a
/// visitor who doesn't read has several MiB waiting for them.
const UNSENT_BYTES_MAX: u32 = 256 << 10;
/// Unanswered probes of a silent connection, until it is given up.
const KEEPALIVE_PROBES: u32 = 4;

/// All sockets of an edge.
#[derive(Debug)]
pub struct Sockets {
    /// Where visitors come in.
    pub visitors: TcpListener,
    /// Where health and metrics are.
    pub metrics: TcpListener,
    /// Where SSH clients come in; `None`: nowhere.
    pub ssh: Option<TcpListener>,
    /// Where a successor comes; `None`: this edge can't be replaced while it runs.
    pub takeover: Option<UnixListener>,
}

/// An address is taken or not this machine's.
#[derive(Debug, thiserror::Error)]
#[error("{address} can't be listened on: {error}")]
pub struct ListenError {
    /// Which.
    pub address: SocketAddr,
    /// Why.
    pub error: io::Error,
}

impl Sockets {
    /// Opens what `settings` say, or takes it from a predecessor where that has it.
    pub fn open(settings: &Settings, handed: Option<Handed>) -> Result<Self, ListenError> {
        let limits = &settings.limits;
        let (visitors, metrics, takeover, ssh) = match handed {
            None => (None, None, None, None),
            Some(it) => (
                Some(it.visitors),
                Some(it.metrics),
                Some(it.takeover),
                it.ssh,
            ),
        };
        let at = |address: SocketAddr, handed: Option<TcpListener>| {
            let open = || match handed.filter(|it| is_at(it, address)) {
                Some(listener) => adjust(&listener, limits).map(|()| listener),
                None => listen(address, limits),
            };
            open().map_err(|error| ListenError { address, error })
        };
        Ok(Self {
            visitors: at(settings.listen, visitors)?,
            metrics: at(settings.metrics_listen, metrics)?,
            ssh: match settings.ssh.listen {
                None => None,
                Some(address) => {
                    let listener = at(address, ssh)?;
                    let patient = be_patient(&listener).map(|()| listener);
                    Some(patient.map_err(|error| ListenError { address, error })?)
                }
            },
            takeover: takeover.or_else(|| takeover_socket(settings)),
        })
    }
}

/// Whether a listening socket is where `wanted` says; port 0 is any.
fn is_at(listener: &TcpListener, wanted: SocketAddr) -> bool {
    listener.local_addr().is_ok_and(|it| {
        it.ip() == wanted.ip() && (it.port() == wanted.port() || wanted.port() == 0)
    })
}

/// An edge serves without it, too.
fn takeover_socket(settings: &Settings) -> Option<UnixListener> {
    let path = settings.takeover_socket();
    takeover::listen(&path)
        .inspect_err(|error| {
            tracing::warn!(%error, path = %path.display(), "this edge can't be taken over from");
        })
        .ok()
}

/// Opens a listening socket at `address`. Port 0 takes a free one.
pub fn listen(address: SocketAddr, limits: &Limits) -> io::Result<TcpListener> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = net::socket_with(family, SocketType::STREAM, flags, None)?;
    // Connections of an edge that has ended don't keep the next one from listening.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    net::bind(&socket, &address)?;
    let listener = TcpListener::from(socket);
    watch(&listener, limits)?;
    listen_on(&listener, limits)?;
    Ok(listener)
}

/// Sets what `limits` say on a listening socket that may come from a predecessor.
pub fn adjust(listener: &TcpListener, limits: &Limits) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    watch(listener, limits)?;
    listen_on(listener, limits)
}

/// Listening again changes how many may wait, and loses nobody who waits (listen(2)).
fn listen_on(listener: &TcpListener, limits: &Limits) -> io::Result<()> {
    let backlog = i32::try_from(limits.backlog).unwrap_or(i32::MAX);
    Ok(net::listen(listener, backlog)?)
}

/// Has the kernel watch over a connection, or over all that come from a listening socket.
pub fn watch(socket: impl AsFd, limits: &Limits) -> io::Result<()> {
    let socket = socket.as_fd();
    sockopt::set_tcp_nodelay(socket, true)?;
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, whole_seconds(limits.keepalive))?;
    let pause = limits.keepalive / KEEPALIVE_PROBES;
    sockopt::set_tcp_keepintvl(socket, whole_seconds(pause))?;
    sockopt::set_tcp_keepcnt(socket, KEEPALIVE_PROBES)?;
    // What the kernel hasn't sent yet it keeps in memory; more than this doesn't make it faster.
    SockRef::from(&socket).set_tcp_notsent_lowat(UNSENT_BYTES_MAX)?;
    let send_ms = u32::try_from(limits.send.as_millis()).unwrap_or(u32::MAX);
    Ok(sockopt::set_tcp_user_timeout(socket, send_ms)?)
}

/// Lets the other side of a connection, or of all that come from a listening socket, leave unread
/// what it was sent for as long as it is there: a client or a program may be suspended.
pub fn be_patient(socket: impl AsFd) -> io::Result<()> {
    Ok(sockopt::set_tcp_user_timeout(socket, 0)?)
}

/// The kernel counts these times in seconds, from one on.
fn whole_seconds(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs().max(1))
}
