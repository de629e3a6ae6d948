//! HTTP/2 connections into spaces, by destination: many calls at once on each.
//!
//! A connection is dialled once however many wait for it, takes up to [`STREAMS_MAX`] calls, and is
//! let go when it dies, when nobody uses it any more, or when its route has changed; calls under
//! way on one that was let go still end by themselves.
//!
//! The lock is one worker's own and held for lookups only, never over IO or an await.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{DialError, Slot};
use crate::{
    http::body::Upload,
    routes::Destination,
    settings::{Limits, limits::UpstreamLimits},
};

/// Calls at once on one connection; for more, another is opened. It is what servers commonly
/// allow; calls that a server allows less than that wait for their turn.
const STREAMS_MAX: u32 = 100;
/// What a space may send on one stream before the visitor takes it.
const STREAM_WINDOW_BYTES: u32 = 64 << 10;
/// What a space may send on all streams of a connection. As much as on every single one: a visitor
/// who doesn't read must not keep others from reading.
const CONNECTION_WINDOW_BYTES: u32 = STREAMS_MAX * STREAM_WINDOW_BYTES;

/// A dial that many may wait for.
pub(super) type Dial = Shared<BoxFuture<'static, Result<Connection, DialError>>>;

/// The HTTP/2 connections of one worker.
#[derive(Debug)]
pub(super) struct Multiplex {
    places: Mutex<HashMap<Destination, Place>>,
    /// How long a connection without calls is kept.
    idle: Duration,
}

#[derive(Debug, Default)]
struct Place {
    connections: Vec<Connection>,
    /// The dial under way, if there is one.
    dial: Option<Dial>,
}

/// An open connection.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    sender: SendRequest<Upload>,
    room: Arc<Semaphore>,
    /// When it was first found without calls.
    idle_since: Option<Instant>,
}

/// Room for one call, for as long as it is held.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) sender: SendRequest<Upload>,
    _room: OwnedSemaphorePermit,
}

impl Connection {
    /// Speaks HTTP/2 on `stream`, which `slot` counts until it is closed.
    ///
    /// It sends no pings: gRPC servers take one in five minutes without data, and end all calls of
    /// whoever sends more (gRFC A8). The kernel notices who has vanished.
    pub(super) async fn open(
        stream: TcpStream,
        slot: Slot,
        limits: &Limits,
    ) -> Result<Self, DialError> {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_header_list_size(limits.header_bytes)
            .max_send_buf_size(limits.http2.send_buffer_bytes)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        tokio::spawn(async move {
            // Its error reaches the calls through the sender.
            let _ = connection.await;
            drop(slot);
        });
        Ok(Self {
            sender,
            room: Arc::new(Semaphore::new(STREAMS_MAX as usize)),
            idle_since: None,
        })
    }

    /// Room for one more call.
    pub(super) fn stream(&self) -> Option<Stream> {
        let room = Arc::clone(&self.room).try_acquire_owned().ok()?;
        Some(Stream {
            sender: self.sender.clone(),
            _room: room,
        })
    }

    /// Whether there has been no call for as long as `limit`.
    fn is_idle(&mut self, now: Instant, limit: Duration) -> bool {
        if self.room.available_permits() < STREAMS_MAX as usize {
            self.idle_since = None;
            return false;
        }
        let since = *self.idle_since.get_or_insert(now);
        now.saturating_duration_since(since) >= limit
    }
}

impl Multiplex {
    /// No connections yet.
    pub(super) fn new(limits: UpstreamLimits) -> Self {
        Self {
            places: Mutex::default(),
            idle: limits.idle,
        }
    }

    /// Room on an open connection to `destination`.
    pub(super) fn stream(&self, destination: &Destination) -> Option<Stream> {
        let mut places = self.lock();
        let connections = &mut places.get_mut(destination)?.connections;
        connections.retain(|it| !it.sender.is_closed());
        let (connection, stream) = connections
            .iter_mut()
            .find_map(|it| it.stream().map(|stream| (it, stream)))?;
        connection.idle_since = None;
        Some(stream)
    }

    /// The dial to `destination` under way, else the one that `begin` makes. It goes on, and its
    /// connection is kept, whether or not whoever began it still waits.
    pub(super) fn dial<F>(
        self: &Arc<Self>,
        destination: Destination,
        begin: impl FnOnce() -> F,
    ) -> Dial
    where
        F: Future<Output = Result<Connection, DialError>> + Send + 'static,
    {
        let mut places = self.lock();
        let place = places.entry(destination).or_default();
        if let Some(dial) = &place.dial {
            return dial.clone();
        }
        let (home, opened) = (Arc::clone(self), begin());
        let dial = async move {
            let opened = opened.await;
            let mut places = home.lock();
            let place = places.entry(destination).or_default();
            place.dial = None;
            place.connections.extend(opened.clone());
            opened
        };
        let dial = dial.boxed().shared();
        place.dial = Some(dial.clone());
        tokio::spawn(dial.clone());
        dial
    }

    /// Lets go of what has died or is idle, or leads to what `reaches` says is gone.
    pub(super) fn sweep(&self, now: Instant, reaches: impl Fn(&Destination) -> bool) {
        self.lock().retain(|destination, place| {
            let reached = reaches(destination);
            place
                .connections
                .retain_mut(|it| reached && !it.sender.is_closed() && !it.is_idle(now, self.idle));
            !place.connections.is_empty() || place.dial.is_some()
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Destination, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use spaceport_domain::id::SpaceId;
    use tokio::net::TcpListener;

    use super::*;
    use crate::{
        routes::Endpoint,
        settings::{Settings, Source},
        upstream::{pool::Pool, shares::Shares},
    };

    #[tokio::test]
    async fn a_connection_without_calls_is_kept_for_a_while() {
        let destination = Destination {
            space: SpaceId::new(uuid::Uuid::nil()),
            address: IpAddr::from([127, 0, 0, 1]),
            endpoint: Endpoint::Port(80),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let limits = Settings::parse(&Source::default())
            .expect("the defaults")
            .limits;
        let idle = limits.upstream.idle;
        let pool = Pool::new(limits.upstream, Shares::new(1, 1));
        let slot = pool.slot(destination).expect("room");
        let multiplex = Arc::new(Multiplex::new(limits.upstream));
        let dial = multiplex.dial(destination, || async move {
            let stream = TcpStream::connect(address).await?;
            Connection::open(stream, slot, &limits).await
        });
        let call = dial.await.expect("a connection").stream().expect("room");

        let begin = Instant::now();
        multiplex.sweep(begin + idle, |_| true);
        let other = multiplex.stream(&destination).expect("it is in use");
        drop((call, other));
        let found = begin + 2 * idle;
        multiplex.sweep(found, |_| true);
        multiplex.sweep(found + idle / 2, |_| true);
        drop(
            multiplex
                .stream(&destination)
                .expect("it is idle for a moment"),
        );
        multiplex.sweep(found + idle, |_| true);
        assert!(multiplex.stream(&destination).is_some(), "it was used");
        multiplex.sweep(found + idle, |_| true);
        multiplex.sweep(found + 2 * idle, |_| true);
        assert!(multiplex.stream(&destination).is_none());
        assert!(multiplex.lock().is_empty());
    }
}
