//! Connections into spaces.
//!
//! Each worker has its own, so that no request waits for another core. A space is dialled at its
//! container's address and spoken to by HTTP/1.1, one request at a time on a connection; for gRPC by
//! HTTP/2, many calls at once on one. What listens at the space's loopback interface alone refuses
//! that, and is reached by the space's agent. Whatever else is in a space is asked of the agent, too
//! ([`agent`]).

pub mod agent;
mod multiplex;
mod pool;
pub mod shares;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::Either;
use http::{Request, Response};
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task, time};

pub use self::pool::Slot;
use self::{
    multiplex::{Connection, Multiplex, Stream},
    pool::{Idle, Pool},
    shares::Shares,
};
use crate::{
    guard::{Guard, Refusal},
    http::body::Upload,
    metrics::Metrics,
    routes::{Destination, Endpoint, Routes},
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
    multiplex: Arc<Multiplex>,
}

/// Why there is no connection.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DialError {
    /// The guard forbids it.
    #[error("it must not be dialled: {0}")]
    Forbidden(#[from] Refusal),
    /// Nobody takes it.
    #[error("nothing listens")]
    Refused,
    /// Nobody is there.
    #[error("nobody is there")]
    Unreachable,
    /// It takes an agent, which the space hasn't, or has no more.
    #[error("the space's agent isn't there")]
    NoAgent,
    /// It wasn't taken in time.
    #[error("the connection took too long")]
    Timeout,
    /// Enough connections are open.
    #[error("too many connections are open")]
    Busy,
    /// Anything else.
    #[error("the connection failed: {0}")]
    Failed(Arc<io::Error>),
}

impl From<io::Error> for DialError {
    fn from(error: io::Error) -> Self {
        Self::Failed(Arc::new(error))
    }
}

/// A connection, or a part of one, in use by one request.
#[derive(Debug)]
pub struct Lease {
    /// Whether it has served an earlier request, and may have died since.
    pub reused: bool,
    way: Way,
    destination: Destination,
    home: Arc<Upstreams>,
}

/// How a request travels.
#[derive(Debug)]
enum Way {
    /// By HTTP/1.1, on a connection it has to itself.
    Alone {
        sender: http1::SendRequest<Upload>,
        slot: Slot,
    },
    /// By HTTP/2, beside others.
    Beside(Stream),
}

impl Upstreams {
    /// No connections yet; each takes a place of `shares`.
    pub fn new(
        guard: Arc<Guard>,
        routes: Arc<Routes>,
        metrics: Arc<Metrics>,
        limits: Limits,
        shares: Arc<Shares>,
    ) -> Arc<Self> {
        Arc::new(Self {
            guard,
            routes,
            metrics,
            limits,
            pool: Pool::new(limits.upstream, shares),
            multiplex: Arc::new(Multiplex::new(limits.upstream)),
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
                way: Way::Alone { sender, slot },
                destination,
                reused: true,
                home: Arc::clone(self),
            }),
            // Boxed, as dialling is, so that only those who wait for it carry what it needs.
            None => Box::pin(self.fresh(destination)).await,
        }
    }

    /// A new connection to `destination`.
    pub async fn fresh(self: &Arc<Self>, destination: Destination) -> Result<Lease, DialError> {
        let (stream, slot) = self.connect(destination).await?;
        let mut builder = http1::Builder::new();
        builder.max_buf_size(self.limits.buffer_bytes);
        if let Some(fields) = self.limits.header_fields_beside_default() {
            builder.max_headers(fields);
        }
        let (sender, connection) = builder
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        let counted = slot.clone();
        tokio::spawn(async move {
            // Its error reaches the request through the sender.
            let _ = connection.with_upgrades().await;
            // It may outlast the response; a WebSocket goes on by the lease's slot.
            drop(counted);
        });
        Ok(Lease {
            way: Way::Alone { sender, slot },
            destination,
            reused: false,
            home: Arc::clone(self),
        })
    }

    /// Room for one call on an HTTP/2 connection to `destination`, with prior knowledge (RFC 9113
    /// §3.3): an open one, else a new one. However many ask for a new one, it is dialled once.
    pub async fn stream(self: &Arc<Self>, destination: Destination) -> Result<Lease, DialError> {
        let mut reused = true;
        let stream = loop {
            if let Some(stream) = self.multiplex.stream(&destination) {
                break stream;
            }
            reused = false;
            let dial = self.multiplex.dial(destination, || {
                let home = Arc::clone(self);
                async move {
                    let (stream, slot) = home.connect(destination).await?;
                    Connection::open(stream, slot, &home.limits).await
                }
            });
            // So many may have waited for it that it is full already.
            if let Some(stream) = Box::pin(dial).await?.stream() {
                break stream;
            }
        };
        Ok(Lease {
            way: Way::Beside(stream),
            destination,
            reused,
            home: Arc::clone(self),
        })
    }

    /// A new connection to `destination`, with what counts it.
    pub async fn connect(&self, destination: Destination) -> Result<(TcpStream, Slot), DialError> {
        let slot = self.pool.slot(destination).ok_or(DialError::Busy)?;
        let stream = self
            .reach(destination)
            .await
            .inspect_err(|error| self.count(error))?;
        self.metrics.upstream_connects.increment(1);
        Ok((stream, slot))
    }

    /// A stream to `destination`: straight, or by the space's agent where only that gets there.
    async fn reach(&self, destination: Destination) -> Result<TcpStream, DialError> {
        let Endpoint::Port(port) = destination.endpoint else {
            return Box::pin(self.reach_agent(destination)).await;
        };
        match self.dial(destination.address, port).await {
            // Boxed, so that those who are let in at once don't carry what it needs.
            Err(DialError::Refused) => Box::pin(self.reach_inside(destination, port)).await,
            dialled => dialled,
        }
    }

    async fn dial(&self, address: IpAddr, port: u16) -> Result<TcpStream, DialError> {
        let target = SocketAddr::new(address, port);
        self.guard.check(target)?;
        self.guard.check_machine(target.ip())?;
        let stream = time::timeout(self.limits.connect, TcpStream::connect(target))
            .await
            .map_err(|_| DialError::Timeout)?
            .map_err(refused_or_failed)?;
        let local = stream.local_addr()?;
        self.guard.check_made(local.ip(), target.ip())?;
        sockets::watch(&stream, &self.limits)?;
        Ok(stream)
    }

    fn count(&self, error: &DialError) {
        let counter = match error {
            DialError::Forbidden(_) => &self.metrics.upstream_forbidden,
            DialError::Refused | DialError::Unreachable | DialError::NoAgent => {
                &self.metrics.upstream_refused
            }
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
            let now = Instant::now();
            self.pool
                .sweep(now, |destination| table.reaches(destination));
            self.multiplex
                .sweep(now, |destination| table.reaches(destination));
        }
    }
}

impl Lease {
    /// Sends `request`; the response's head is the answer.
    pub fn send(
        &mut self,
        request: Request<Upload>,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Upload>>>> {
        match &mut self.way {
            Way::Alone { sender, .. } => Either::Left(sender.try_send_request(request)),
            Way::Beside(stream) => Either::Right(stream.sender.try_send_request(request)),
        }
    }

    /// Keeps the connection for a later request, if its route still leads there.
    pub fn give_back(self) {
        // What others use, too, is kept by them.
        if let Way::Alone { sender, slot } = self.way
            && self.home.routes.reaches(&self.destination)
        {
            let since = Instant::now();
            let idle = Idle {
                sender,
                slot,
                since,
            };
            self.home.pool.keep(&self.destination, idle);
        }
    }
}

/// A container that is gone answers with silence or, from its neighbours, as unreachable.
fn refused_or_failed(error: io::Error) -> DialError {
    use io::ErrorKind::{
        ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut,
    };
    match error.kind() {
        ConnectionRefused | ConnectionReset => DialError::Refused,
        HostUnreachable | NetworkUnreachable => DialError::Unreachable,
        TimedOut => DialError::Timeout,
        _ => error.into(),
    }
}
