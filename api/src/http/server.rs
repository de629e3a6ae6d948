//! The server: takes connections within bounds, and lets go of those that are not used.
//!
//! What a library's server leaves open is bounded here: the time a request's head takes to arrive,
//! the first one included; connections that do nothing; how many there are, in all and from one
//! address; and how long the kernel keeps what a client does not read.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, HeaderName, HeaderValue, Request, header::FORWARDED},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use spaceport_domain::forwarding::TrustedProxies;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};
use tower::ServiceExt as _;

use super::connection::{Answer, Place, Places, Usage};

/// What a connection holds, a WebSocket on it included.
type Held = (
    Option<Place>,
    Option<OwnedSemaphorePermit>,
    TaskTrackerToken,
);

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// After a failed accept, which most often means that no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Fields in one head.
const HEADERS_MAX: usize = 100;
/// Bytes in one head; also what is buffered of one connection.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 100;
/// Requests that were reset before they were taken up, until the connection is ended: the defence
/// against rapid resets (CVE-2023-44487).
const PENDING_RESETS_MAX: usize = 20;
/// What a client may send on one HTTP/2 stream before it is read.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
/// What a client may send on all streams of a connection before it is read.
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;
/// How often a silent HTTP/2 client is asked whether it is there, and how long it may take.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// The bounds on connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionBounds {
    /// Connections open at once; behind them newcomers wait.
    pub connections: usize,
    /// Connections open at once from one address; more are closed at once. A trusted proxy may have
    /// any number: it is no client.
    pub connections_per_address: usize,
    /// For a request's head to arrive, and between two requests.
    pub header: Duration,
    /// How long a client may leave unread what it was sent.
    pub send: Duration,
}

/// Serves until `stop` is cancelled, and then until what is under way has ended. To `router` the
/// address in a request's [`ConnectInfo`] is that of the client, also behind one of
/// `trusted_proxies`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    bounds: ConnectionBounds,
    trusted_proxies: TrustedProxies,
    stop: CancellationToken,
) {
    let room = bounds.connections.min(Semaphore::MAX_PERMITS);
    let server = Arc::new(Server {
        router,
        bounds,
        trusted_proxies,
        places: Places::new(bounds.connections_per_address),
        stop,
    });
    server
        .listen(listener, Arc::new(Semaphore::new(room)))
        .await;
}

struct Server {
    router: Router,
    bounds: ConnectionBounds,
    trusted_proxies: TrustedProxies,
    places: Arc<Places>,
    stop: CancellationToken,
}

impl Server {
    async fn listen(self: Arc<Self>, listener: TcpListener, room: Arc<Semaphore>) {
        let connections = TaskTracker::new();
        loop {
            let accepted = async {
                // The semaphore is never closed.
                let room = Arc::clone(&room).acquire_owned().await.ok();
                (listener.accept().await, room)
            };
            let (accepted, room) = tokio::select! {
                accepted = accepted => accepted,
                () = self.stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, address)) => {
                    let place = self.places.take(address.ip());
                    if place.is_some() || self.trusted_proxies.include(address.ip()) {
                        let server = Arc::clone(&self);
                        let held = (place, room, connections.token());
                        tokio::spawn(server.converse(stream, address, held));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection can't be taken");
                    time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        connections.close();
        connections.wait().await;
    }

    async fn converse(self: Arc<Self>, stream: TcpStream, address: SocketAddr, held: Held) {
        let _ = stream.set_nodelay(true);
        // What a client doesn't take is the kernel's to give up on: only it knows how much that is.
        let socket = socket2::SockRef::from(&stream);
        let _ = socket.set_tcp_user_timeout(Some(self.bounds.send));
        let held = Arc::new(held);
        let usage = Usage::new();
        let service = service_fn(|request: Request<Incoming>| {
            let in_use = usage.begin();
            let client = self.client(address.ip(), request.headers());
            let mut request = request.map(Body::new);
            let extensions = request.extensions_mut();
            extensions.insert(ConnectInfo(SocketAddr::new(client, address.port())));
            extensions.insert(in_use.clone());
            extensions.insert(Arc::clone(&held));
            let router = self.router.clone();
            async move {
                let answered = router.oneshot(request).await;
                answered.map(|response| response.map(|body| Answer::new(body, in_use)))
            }
        });
        let builder = self.builder();
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = usage.idle_for(self.bounds.header) => return,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(client = %address.ip(), error, "a connection ended badly");
        }
    }

    /// Whom a request on a connection of `peer` is from.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let lines = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes);
        self.trusted_proxies
            .client(peer, lines(FORWARDED), lines(X_FORWARDED_FOR))
    }

    fn builder(&self) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.bounds.header)
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEAD_BYTES_MAX);
        builder
            .http2()
            .timer(TokioTimer::new())
            .enable_connect_protocol()
            .max_concurrent_streams(STREAMS_MAX)
            .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
            .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT);
        builder
    }
}
