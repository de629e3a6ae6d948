//! Connections into spaces.
//!
//! Each worker has its own, so that no request waits for another core. Today a space is dialled at
//! its container's address and spoken to by HTTP/1.1; dialling through the agent, and HTTP/2 for
//! gRPC, belong here too.

mod pool;

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task, time};

pub use self::pool::Slot;
use self::pool::{Idle, Pool};
use crate::{
    guard::{Guard, Refusal},
    http::body::Upload,
    metrics::Metrics,
    routes::{Destination, Routes},
    settings::Limits,
    sockets,
};

/// How often idle connections are looked through.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// One worker's connections into spaces.
#[derive(Debug)]
pub struct Upstreams {
    /// Decides what may be dialled.
    pub guard: Arc<Guard>,
    /// Decides what is still a destination.
    pub routes: Arc<Routes>,
    /// Where dials are counted.
    pub metrics: Arc<Metrics>,
    /// The bounds on them.
    pub limits: Limits,
    pool: Pool,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The guard forbids it.
    #[error("it must not be dialled: {0}")]
    Forbidden(#[from] Refusal),
    /// Nobody takes it, or nobody is there.
    #[error("nothing listens")]
    Refused,
    /// It wasn't taken in time.
    #[error("the connection took too long")]
    Timeout,
    /// Enough connections are open.
    #[error("too many connections are open")]
    Busy,
    /// Anything else.
    #[error("the connection failed: {0}")]
    Failed(io::Error),
}

/// A connection in use by one request.
#[derive(Debug)]
pub struct Lease {
    /// Sends the request.
    pub sender: SendRequest<Upload>,
    /// Whether it has served an earlier request, and may have died since.
    pub reused: bool,
    destination: Destination,
    slot: Slot,
    home: Arc<Upstreams>,
}

impl Upstreams {
    /// No connections yet.
    pub fn new(
        guard: Arc<Guard>,
        routes: Arc<Routes>,
        metrics: Arc<Metrics>,
        limits: Limits,
    ) -> Arc<Self> {
        Arc::new(Self {
            guard,
            routes,
            metrics,
            limits,
            pool: Pool::new(limits.upstream),
        })
    }

    /// A connection to `destination`: an idle one, else a new one.
    ///
    /// Servers close idle connections when they like. What can't be repeated should not meet one
    /// that was just closed, so it gets none that has been idle for long.
    pub async fn take(
        self: &Arc<Self>,
        destination: Destination,
        repeatable: bool,
    ) -> Result<Lease, DialError> {
        if !repeatable {
            // The runtime hears of connections that were closed until now.
            task::yield_now().await;
        }
        let idle_max = if repeatable {
            self.limits.upstream.idle
        } else {
            self.limits.upstream.fresh
        };
        match self.pool.reuse(&destination, idle_max) {
            Some(Idle { sender, slot, .. }) => Ok(Lease {
                sender,
                slot,
                destination,
                reused: true,
                home: Arc::clone(self),
            }),
            None => self.fresh(destination).await,
        }
    }

    /// A new connection to `destination`.
    pub async fn fresh(self: &Arc<Self>, destination: Destination) -> Result<Lease, DialError> {
        let slot = self.pool.slot(destination).ok_or(DialError::Busy)?;
        let stream = self.dial(destination).await.inspect_err(|error| {
            self.count(error);
        })?;
        self.metrics.upstream_connects.increment(1);
        let (sender, connection) = http1::Builder::new()
            .max_headers(self.limits.header_fields)
            .max_buf_size(self.limits.buffer_bytes)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| DialError::Failed(io::Error::other(error)))?;
        // Its error reaches the request through the sender.
        tokio::spawn(connection.with_upgrades());
        Ok(Lease {
            sender,
            slot,
            destination,
            reused: false,
            home: Arc::clone(self),
        })
    }

    async fn dial(&self, destination: Destination) -> Result<TcpStream, DialError> {
        let target = SocketAddr::new(destination.address, destination.port);
        self.guard.check(target)?;
        let stream = time::timeout(self.limits.connect, TcpStream::connect(target))
            .await
            .map_err(|_| DialError::Timeout)?
            .map_err(refused_or_failed)?;
        let local = stream.local_addr().map_err(DialError::Failed)?;
        self.guard.check_made(local.ip(), target.ip())?;
        sockets::watch(&stream, &self.limits).map_err(DialError::Failed)?;
        Ok(stream)
    }

    fn count(&self, error: &DialError) {
        let counter = match error {
            DialError::Forbidden(_) => &self.metrics.upstream_forbidden,
            DialError::Refused => &self.metrics.upstream_refused,
            DialError::Timeout => &self.metrics.upstream_timeout,
            DialError::Busy | DialError::Failed(_) => &self.metrics.upstream_failed,
        };
        counter.increment(1);
    }

    /// Closes idle connections that are too old, or whose route has changed, until the task ends.
    pub async fn sweep(self: Arc<Self>) {
        let mut changes = self.routes.changes();
        let mut tick = time::interval(SWEEP_INTERVAL);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                changed = changes.changed() => if changed.is_err() { return },
            }
            let table = self.routes.current();
            self.pool
                .sweep(Instant::now(), |destination| table.reaches(destination));
        }
    }
}

impl Lease {
    /// Keeps the connection for a later request, if its route still leads there.
    pub fn give_back(self) {
        if self.home.routes.reaches(&self.destination) {
            let idle = Idle {
                sender: self.sender,
                slot: self.slot,
                since: Instant::now(),
            };
            self.home.pool.keep(&self.destination, idle);
        }
    }

    /// Leaves the connection to what it has become; it is counted as long as the slot is held.
    pub fn into_slot(self) -> Slot {
        self.slot
    }
}

/// A container that is gone answers with silence or, from its neighbours, as unreachable.
fn refused_or_failed(error: io::Error) -> DialError {
    use io::ErrorKind::{
        ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut,
    };
    match error.kind() {
        ConnectionRefused | ConnectionReset | HostUnreachable | NetworkUnreachable => {
            DialError::Refused
        }
        TimedOut => DialError::Timeout,
        _ => DialError::Failed(error),
    }
}
