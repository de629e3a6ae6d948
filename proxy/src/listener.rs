//! Visitors' connections: taken, encrypted, spoken to, and let go.
//!
//! Every worker is a thread with a runtime of its own and takes connections from the one listening
//! socket; a connection stays with its worker, and so do the connections into spaces it causes.
//! One socket for all, instead of one each, lets idle workers take more and lets a successor take
//! over without losing what waits in the kernel.

use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use http::Request;
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    certs::{Certificates, Served},
    http::{body::Download, bounds, serve},
    metrics::Metrics,
    routes::Routes,
    settings::Limits,
    tls::ALPN_H2,
    upstream::Upstreams,
};

/// For the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// After a failed accept, which most often means that no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a connection without requests is kept open in a drain, for what is under way.
const DRAIN_GRACE: Duration = Duration::from_secs(1);

/// What all workers share.
#[derive(Debug)]
pub struct Site {
    /// Where hostnames lead.
    pub routes: Arc<Routes>,
    /// Where everything is counted.
    pub metrics: Arc<Metrics>,
    /// The bounds.
    pub limits: Limits,
    /// What visitors are shown.
    pub certificates: Arc<Certificates>,
    /// Room for connections.
    pub room: Arc<Semaphore>,
    /// The wish to end.
    pub drain: CancellationToken,
}

/// One worker's own.
pub struct Worker {
    /// What it shares.
    pub site: Arc<Site>,
    /// Its connections into spaces.
    pub upstreams: Arc<Upstreams>,
    /// Connections and WebSockets that a drain waits for.
    pub tasks: TaskTracker,
    /// Makes handshakes.
    pub tls: TlsAcceptor,
}

/// One visitor's connection.
#[derive(Debug)]
pub struct Visitor {
    /// Where it comes from: the socket's peer.
    pub address: SocketAddr,
    /// The certificate it was shown.
    pub served: Served,
    metrics: Arc<Metrics>,
    active: AtomicUsize,
    idle_since: Mutex<Instant>,
    _room: OwnedSemaphorePermit,
}

impl Visitor {
    /// Notes a request that begins.
    pub fn request_began(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes a request whose response has ended.
    pub fn request_ended(&self) {
        *self
            .idle_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.active.fetch_sub(1, Ordering::Relaxed);
    }

    /// How long there has been no request; `None` while there is one.
    fn idle(&self) -> Option<Duration> {
        let since = *self
            .idle_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        (self.active.load(Ordering::Relaxed) == 0).then(|| since.elapsed())
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.metrics.connections.decrement(1.0);
    }
}

impl Worker {
    /// Takes connections until the drain begins, and then those that the kernel already has.
    pub async fn listen(self: Arc<Self>, listener: TcpListener) {
        loop {
            let accepted = async {
                let room = Arc::clone(&self.site.room).acquire_owned().await;
                (listener.accept().await, room)
            };
            let drained = self.site.drain.cancelled();
            let (accepted, room) = tokio::select! {
                accepted = accepted => accepted,
                () = drained => break,
            };
            match (accepted, room) {
                (Ok((stream, address)), Ok(room)) => self.take(stream, address, room),
                (Err(error), _) => {
                    tracing::warn!(%error, "a connection can't be taken");
                    time::sleep(ACCEPT_PAUSE).await;
                }
                // The semaphore is never closed.
                (_, Err(_)) => break,
            }
        }
        while let Some(Ok((stream, address))) = listener.accept().now_or_never()
            && let Ok(room) = Arc::clone(&self.site.room).try_acquire_owned()
        {
            self.take(stream, address, room);
        }
    }

    fn take(self: &Arc<Self>, stream: TcpStream, address: SocketAddr, room: OwnedSemaphorePermit) {
        let worker = Arc::clone(self);
        self.tasks.spawn(async move {
            if let Err(error) = worker.converse(stream, address, room).await {
                tracing::debug!(client = %address.ip(), %error, "a connection ended badly");
            }
        });
    }

    async fn converse(
        self: Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        room: OwnedSemaphorePermit,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        stream.set_nodelay(true)?;
        let stream = time::timeout(HANDSHAKE_TIMEOUT, self.tls.accept(stream))
            .await
            .unwrap_or_else(|elapsed| Err(io::Error::from(elapsed)))
            .inspect_err(|_| self.site.metrics.handshakes_failed.increment(1))?;
        let session = stream.get_ref().1;
        let is_h2 = session.alpn_protocol() == Some(ALPN_H2);
        let name = session.server_name().map(str::to_ascii_lowercase);
        let Some(served) = self.site.certificates.served(name.as_deref()) else {
            return Ok(());
        };
        self.site.metrics.connections.increment(1.0);
        let visitor = Arc::new(Visitor {
            address,
            served,
            metrics: Arc::clone(&self.site.metrics),
            active: AtomicUsize::new(0),
            idle_since: Mutex::new(Instant::now()),
            _room: room,
        });
        if is_h2 {
            self.site.metrics.connections_h2.increment(1);
            self.speak_h2(stream, visitor).await?;
        } else {
            self.site.metrics.connections_h1.increment(1);
            self.speak_h1(stream, visitor).await?;
        }
        Ok(())
    }

    async fn speak_h1(
        self: Arc<Self>,
        stream: TlsStream<TcpStream>,
        visitor: Arc<Visitor>,
    ) -> hyper::Result<()> {
        let service = self.service(&visitor);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // hyper counts the time between requests as a part of it.
            .header_read_timeout(self.site.limits.header)
            .max_headers(bounds::HEADERS_MAX)
            .max_header_size(bounds::HEAD_BYTES_MAX as usize)
            .max_buf_size(bounds::BUFFER_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service_fn(service))
            .with_upgrades();
        let mut connection = pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = self.site.drain.cancelled() => {}
        }
        connection.as_mut().graceful_shutdown();
        let_go(connection, &visitor).await
    }

    async fn speak_h2(
        self: Arc<Self>,
        stream: TlsStream<TcpStream>,
        visitor: Arc<Visitor>,
    ) -> hyper::Result<()> {
        let service = self.service(&visitor);
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .enable_connect_protocol()
            .max_concurrent_streams(bounds::STREAMS_MAX)
            .max_pending_accept_reset_streams(bounds::PENDING_RESETS_MAX)
            .max_local_error_reset_streams(bounds::LOCAL_RESETS_MAX)
            .max_header_list_size(bounds::HEAD_BYTES_MAX)
            .initial_stream_window_size(bounds::STREAM_WINDOW_BYTES)
            .initial_connection_window_size(bounds::CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(bounds::SEND_BUFFER_BYTES)
            .keep_alive_interval(bounds::PING_INTERVAL)
            .keep_alive_timeout(bounds::PING_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service_fn(service));
        let mut connection = pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = self.site.drain.cancelled() => {}
            () = idle_for(&visitor, self.site.limits.idle) => {}
        }
        connection.as_mut().graceful_shutdown();
        let_go(connection, &visitor).await
    }

    fn service(
        self: &Arc<Self>,
        visitor: &Arc<Visitor>,
    ) -> impl Fn(Request<Incoming>) -> Answering + use<> {
        let (worker, visitor) = (Arc::clone(self), Arc::clone(visitor));
        move |request| {
            let answer = serve(Arc::clone(&worker), Arc::clone(&visitor), request);
            Box::pin(answer.map(Ok))
        }
    }
}

/// A request's answer on its way.
type Answering = Pin<
    Box<dyn Future<Output = Result<http::Response<Download>, std::convert::Infallible>> + Send>,
>;

/// Waits for a connection that was told to end. One that has nothing to do is not waited for long.
async fn let_go(
    connection: Pin<&mut impl Future<Output = hyper::Result<()>>>,
    visitor: &Visitor,
) -> hyper::Result<()> {
    let told = Instant::now();
    let nothing_left = async {
        loop {
            idle_for(visitor, DRAIN_GRACE).await;
            match DRAIN_GRACE.checked_sub(told.elapsed()) {
                Some(rest) => time::sleep(rest).await,
                None => return,
            }
        }
    };
    tokio::select! {
        ended = connection => ended,
        () = nothing_left => Ok(()),
    }
}

/// Returns once there has been no request for `limit`.
async fn idle_for(visitor: &Visitor, limit: Duration) {
    loop {
        match visitor.idle().map(|idle| limit.checked_sub(idle)) {
            Some(None | Some(Duration::ZERO)) => return,
            Some(Some(rest)) => time::sleep(rest).await,
            None => time::sleep(limit).await,
        }
    }
}
