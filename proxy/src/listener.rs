//! Visitors' connections: taken, encrypted, spoken to, and let go.
//!
//! Every worker is a thread with a runtime of its own and takes connections from the one listening
//! socket; a connection stays with its worker, and so do the connections into spaces it causes.
//! One socket for all, instead of one each, lets idle workers take more and lets a successor take
//! over without losing what waits in the kernel.

pub mod admission;
mod proxy_protocol;
mod turn;

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
use hyper_util::rt::{TokioIo, TokioTimer};
use spaceport_domain::forwarding::TrustedProxies;
use tokio::{
    net::{TcpListener, TcpStream},
    time,
};
use tokio_rustls::server::TlsStream;
use tokio_util::task::TaskTracker;

use self::{
    admission::{Admission, Admitted, Handshake, Seat},
    turn::Bundled,
};
use crate::{
    certs::{Certificates, Served},
    drain::Drain,
    gate::Gate,
    http::{body::Download, carrier, serve, stall::Streams},
    live::Live,
    metrics::Metrics,
    routes::Routes,
    settings::Limits,
    ssh::Ssh,
    tls::{ALPN_H2, Handshakes},
    upstream::Upstreams,
};

/// After a failed accept, which most often means that no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a connection without requests is kept open in a drain, for what is under way.
const DRAIN_GRACE: Duration = Duration::from_secs(1);

/// What all workers share.
#[derive(Debug)]
pub struct Site {
    /// Where hostnames lead.
    pub routes: Arc<Routes>,
    /// Who enters apps.
    pub gate: Arc<Gate>,
    /// Where everything is counted.
    pub metrics: Arc<Metrics>,
    /// The bounds.
    pub limits: Limits,
    /// Whose word on visitors' addresses is believed.
    pub trusted_proxies: TrustedProxies,
    /// Whether connections of trusted proxies begin with a PROXY header.
    pub proxy_protocol: bool,
    /// What visitors are shown.
    pub certificates: Arc<Certificates>,
    /// Room for connections.
    pub admission: Arc<Admission>,
    /// Whether the edge ends.
    pub drain: Arc<Drain>,
    /// What SSH takes; `None`: it is off.
    pub ssh: Option<Arc<Ssh>>,
}

/// By what a connection comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// By TLS.
    Https,
    /// By SSH.
    Ssh,
}

/// One worker's own.
pub struct Worker {
    /// What it shares.
    pub site: Arc<Site>,
    /// Its connections into spaces.
    pub upstreams: Arc<Upstreams>,
    /// What it carries into spaces.
    pub live: Arc<Live>,
    /// Connections and WebSockets that a drain waits for.
    pub tasks: TaskTracker,
    /// Makes handshakes.
    pub tls: Handshakes,
}

/// One visitor's connection.
#[derive(Debug)]
pub struct Visitor {
    /// Where it comes from: the socket's peer, or what a trusted proxy said of the connection.
    pub address: SocketAddr,
    /// The certificate it was shown.
    pub served: Served,
    metrics: Arc<Metrics>,
    active: AtomicUsize,
    idle_since: Mutex<Instant>,
    _admitted: Admitted,
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
    /// Takes connections at a door until the drain begins, and then those that the kernel already
    /// has, if no successor takes them.
    pub async fn listen(self: Arc<Self>, listener: TcpListener, door: Door) {
        loop {
            let accepted = async {
                let seat = self.site.admission.seat().await;
                (listener.accept().await, seat)
            };
            let (accepted, seat) = tokio::select! {
                accepted = accepted => accepted,
                () = self.site.drain.begun() => break,
            };
            match (accepted, seat) {
                (Ok((stream, address)), Some(seat)) => self.take(stream, address, seat, door),
                (Err(error), _) => {
                    tracing::warn!(%error, "a connection can't be taken");
                    time::sleep(ACCEPT_PAUSE).await;
                }
                (_, None) => break,
            }
        }
        if self.site.drain.is_handed_over() {
            return;
        }
        while let Some(seat) = self.site.admission.free_seat()
            && let Some(Ok((stream, address))) = listener.accept().now_or_never()
        {
            self.take(stream, address, seat, door);
        }
    }

    fn take(self: &Arc<Self>, stream: TcpStream, address: SocketAddr, seat: Seat, door: Door) {
        let Some((admitted, handshake)) = self.site.admission.admit(seat, address.ip()) else {
            self.site.metrics.connections_refused.increment(1);
            return;
        };
        match door {
            Door::Https => {
                // What only the beginning needs goes with it: most connections are idle, and each
                // holds its task.
                let begun = Box::pin(Arc::clone(self).begin(stream, address, admitted, handshake));
                self.tasks.spawn(async move {
                    let begun = begun.await;
                    let ended = match begun {
                        Ok(Some(conversation)) => conversation.await.map_err(Error::from),
                        Ok(None) => Ok(()),
                        Err(error) => Err(error),
                    };
                    if let Err(error) = ended {
                        log_end(address, &*error);
                    }
                });
            }
            Door::Ssh => {
                let worker = Arc::clone(self);
                self.tasks.spawn(async move {
                    let conversation = worker.converse_by_ssh(stream, address, admitted, handshake);
                    if let Err(error) = conversation.await {
                        log_end(address, &error);
                    }
                });
            }
        }
    }

    /// Makes a connection one that is spoken on. `None`: there is nothing to say.
    async fn begin(
        self: Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        admitted: Admitted,
        handshake: Handshake,
    ) -> Result<Option<Conversation>, Error> {
        let greeted = self.greet(stream, address).await;
        let failed = &self.site.metrics.handshakes_failed;
        let Some((stream, address)) = greeted.inspect_err(|_| failed.increment(1))? else {
            return Ok(None);
        };
        drop(handshake);
        let session = stream.get_ref().1;
        let is_h2 = session.alpn_protocol() == Some(ALPN_H2);
        let name = session.server_name().map(str::to_ascii_lowercase);
        let Some(served) = self.site.certificates.served(name.as_deref()) else {
            return Ok(None);
        };
        self.site.metrics.connections.increment(1.0);
        let visitor = Arc::new(Visitor {
            address,
            served,
            metrics: Arc::clone(&self.site.metrics),
            active: AtomicUsize::new(0),
            idle_since: Mutex::new(Instant::now()),
            _admitted: admitted,
        });
        Ok(Some(if is_h2 {
            self.site.metrics.connections_h2.increment(1);
            self.speak_h2(stream, visitor)
        } else {
            self.site.metrics.connections_h1.increment(1);
            let speaking = self.speak_h1(stream, visitor);
            // Dropping the connection closes it.
            Box::pin(async move { carrier::carry(speaking).await.unwrap_or(Ok(())) })
        }))
    }

    /// Learns where a connection comes from, and encrypts it. `None`: it was no visitor's.
    async fn greet(
        &self,
        mut stream: TcpStream,
        peer: SocketAddr,
    ) -> io::Result<Option<(TlsStream<TcpStream>, SocketAddr)>> {
        let deadline = time::Instant::now() + self.site.limits.handshake;
        let said = self.announced(&mut stream, peer, deadline).await?;
        let stream = self.tls.shake(stream, deadline).await?;
        Ok(stream.map(|stream| (stream, said.unwrap_or(peer))))
    }

    /// Where a connection of `peer` comes from, as that says if it is a proxy that speaks first.
    pub(crate) async fn announced(
        &self,
        stream: &mut TcpStream,
        peer: SocketAddr,
        deadline: time::Instant,
    ) -> io::Result<Option<SocketAddr>> {
        if !self.site.proxy_protocol || !self.site.trusted_proxies.include(peer.ip()) {
            return Ok(None);
        }
        let header = time::timeout_at(deadline, proxy_protocol::read(stream)).await?;
        header.map_err(io::Error::other)
    }

    // The connection is made outside of the future that runs it, which would hold it twice.
    fn speak_h1(
        self: Arc<Self>,
        stream: TlsStream<TcpStream>,
        visitor: Arc<Visitor>,
    ) -> Conversation {
        let limits = &self.site.limits;
        let service = self.service(&visitor);
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            // hyper counts the time between requests as a part of it.
            .header_read_timeout(limits.header)
            .max_header_size(limits.header_bytes as usize)
            .max_buf_size(limits.buffer_bytes);
        if let Some(fields) = limits.header_fields_beside_default() {
            builder.max_headers(fields);
        }
        let connection = builder
            .serve_connection(TokioIo::new(stream), service_fn(service))
            .with_upgrades();
        let mut connection = Box::pin(connection);
        Box::pin(async move {
            tokio::select! {
                ended = connection.as_mut() => return ended,
                () = self.unused(&visitor) => {}
            }
            connection.as_mut().graceful_shutdown();
            self.let_go(connection.as_mut(), &visitor).await
        })
    }

    fn speak_h2(
        self: Arc<Self>,
        stream: TlsStream<TcpStream>,
        visitor: Arc<Visitor>,
    ) -> Conversation {
        let limits = &self.site.limits;
        let service = self.service(&visitor);
        let stream = Bundled::new(stream);
        let connection = http2::Builder::new(Streams::new(limits.send))
            .timer(TokioTimer::new())
            .enable_connect_protocol()
            .max_concurrent_streams(limits.http2.streams)
            .max_pending_accept_reset_streams(limits.http2.pending_resets)
            .max_local_error_reset_streams(limits.http2.local_resets)
            .max_header_list_size(limits.header_bytes)
            .initial_stream_window_size(limits.http2.stream_window_bytes)
            .initial_connection_window_size(limits.http2.connection_window_bytes)
            .max_send_buf_size(limits.http2.send_buffer_bytes)
            .keep_alive_interval(limits.http2.ping)
            .keep_alive_timeout(limits.http2.ping_timeout)
            .serve_connection(TokioIo::new(stream.clone()), service_fn(service));
        let mut connection = Box::pin(connection);
        Box::pin(async move {
            tokio::select! {
                ended = stream.take_turns(connection.as_mut()) => return ended,
                () = self.site.drain.begun() => {}
                () = idle_for(&visitor, self.site.limits.idle) => {}
            }
            // It says which streams will still be served, and the rest may be asked for elsewhere.
            connection.as_mut().graceful_shutdown();
            let rest = pin!(stream.take_turns(connection.as_mut()));
            self.let_go(rest, &visitor).await
        })
    }

    /// Waits until a connection by HTTP/1.1 is closed because the edge stops: it has had no
    /// request since a moment before. Until then each answer says that it is the last one.
    async fn unused(&self, visitor: &Visitor) {
        self.site.drain.stopping().await;
        time::sleep(DRAIN_GRACE).await;
        idle_for(visitor, DRAIN_GRACE).await;
    }

    /// Waits for a connection that was told to end. One that has nothing to do is not waited for
    /// long, unless a successor serves and there is time.
    async fn let_go(
        &self,
        connection: Pin<&mut impl Future<Output = hyper::Result<()>>>,
        visitor: &Visitor,
    ) -> hyper::Result<()> {
        let nothing_left = async {
            if self.site.drain.is_handed_over() {
                self.site.drain.stopping().await;
            }
            time::sleep(DRAIN_GRACE).await;
            idle_for(visitor, DRAIN_GRACE).await;
        };
        tokio::select! {
            ended = connection => ended,
            () = nothing_left => Ok(()),
        }
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

fn log_end(address: SocketAddr, error: &dyn std::error::Error) {
    tracing::debug!(client = %address.ip(), %error, "a connection ended badly");
}

/// What is said on a connection, until its end.
type Conversation = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;
/// Why a connection ended badly.
type Error = Box<dyn std::error::Error + Send + Sync>;

/// A request's answer on its way.
type Answering = Pin<
    Box<dyn Future<Output = Result<http::Response<Download>, std::convert::Infallible>> + Send>,
>;

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
