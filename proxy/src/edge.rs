//! The whole edge as one thing that is started and shut down.
//!
//! | thread | runs |
//! |---|---|
//! | `edge-control` | the feed, its file, certificates' renewal, health and metrics |
//! | `edge-<n>` | visitors and the spaces they visit, one a core |

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket},
    runtime::{self, Runtime},
    sync::Semaphore,
    time,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    api::Api,
    certs::{
        CertError, CertStore, Certificate, Certificates,
        dev_ca::{DevCa, RENEW_INTERVAL},
    },
    gate::{Gate, TicketKeys},
    guard::Guard,
    listener::{Site, Worker},
    metrics::Metrics,
    routes::{Routes, disk, feed::Feed, token::TokenSource},
    settings::{Settings, TlsFiles},
    status, tls,
    upstream::Upstreams,
};

/// Connections that wait in the kernel until a worker takes them.
const BACKLOG: u32 = 1024;

/// A running edge. Dropping it stops it without waiting for visitors.
#[derive(Debug)]
pub struct Edge {
    address: SocketAddr,
    metrics_address: SocketAddr,
    ca_path: Option<PathBuf>,
    site: Arc<Site>,
    control: Option<JoinHandle<()>>,
    workers: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

/// Why the edge can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address is taken or not this machine's.
    #[error("{address} can't be listened on: {error}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// There is nothing to show to visitors.
    #[error(transparent)]
    Certificate(#[from] CertError),
    /// TLS can't be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// A thread or a runtime can't be made.
    #[error("the edge's threads can't be started: {0}")]
    Thread(#[from] io::Error),
}

impl Edge {
    /// Listens, loads the last known routes, and serves from threads of its own.
    pub fn start(settings: &Settings) -> Result<Self, StartError> {
        let control = runtime()?;
        let (listener, metrics_listener) = {
            let _context = control.enter();
            (listen(settings.listen)?, listen(settings.metrics_listen)?)
        };
        let address = listener.local_addr()?;
        let metrics_address = metrics_listener.local_addr()?;

        let authority = match &settings.tls_files {
            None => Some(development_ca(settings)?),
            Some(_) => None,
        };
        let store = certificates(authority.as_ref(), settings.tls_files.as_ref())?;
        let certificates = Arc::new(Certificates::new(store));
        let tls = Arc::new(tls::server_config(Arc::clone(&certificates) as _)?);

        let routes = Arc::new(last_known_routes(&settings.routes_file()));
        let gate = Arc::new(gate(settings, &routes));
        let site = Arc::new(Site {
            routes,
            gate,
            metrics: Arc::new(Metrics::default()),
            limits: settings.limits,
            trusted_proxies: settings.trusted_proxies.clone(),
            certificates,
            room: Arc::new(Semaphore::new(settings.limits.max_connections)),
            drain: CancellationToken::new(),
        });
        let own = vec![address, metrics_address];
        let guard = Arc::new(Guard::new(own, settings.allow_loopback_upstreams));
        let workers = (0..settings.workers.get())
            .map(|number| {
                let worker = Arc::new(Worker {
                    site: Arc::clone(&site),
                    upstreams: Upstreams::new(
                        Arc::clone(&guard),
                        Arc::clone(&site.routes),
                        Arc::clone(&site.metrics),
                        settings.limits.connect,
                    ),
                    live: Arc::default(),
                    tasks: TaskTracker::new(),
                    tls: TlsAcceptor::from(Arc::clone(&tls)),
                });
                work(number, worker, listener.try_clone()?, settings.drain)
            })
            .collect::<io::Result<_>>()?;
        let stop = CancellationToken::new();
        let ca_path = authority.as_ref().map(|it| it.path().to_owned());
        let duties = Duties {
            site: Arc::clone(&site),
            feed: feed(&site),
            routes_file: settings.routes_file(),
            metrics_listener,
            authority,
            stop: stop.clone(),
        };
        let control = thread::Builder::new()
            .name("edge-control".to_owned())
            .spawn(move || control.block_on(duties.run()))?;
        tracing::info!(%address, %metrics_address, workers = settings.workers, "edge listens");
        Ok(Self {
            address,
            metrics_address,
            ca_path,
            site,
            control: Some(control),
            workers,
            stop,
        })
    }

    /// Where visitors come in.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where health and metrics are.
    pub const fn metrics_address(&self) -> SocketAddr {
        self.metrics_address
    }

    /// What is known of the spaces.
    pub fn routes(&self) -> &Routes {
        &self.site.routes
    }

    /// The development CA's certificate, when it is in use.
    pub fn ca_path(&self) -> Option<&Path> {
        self.ca_path.as_deref()
    }

    /// Takes no more connections, lets the open ones end in the time the settings give them, and
    /// returns. It blocks the thread.
    pub fn shutdown(mut self) {
        tracing::info!("edge is stopping; open connections may end");
        self.site.drain.cancel();
        for worker in self.workers.drain(..) {
            joined(worker);
        }
        self.stop.cancel();
        if let Some(control) = self.control.take() {
            joined(control);
        }
        tracing::info!("edge has stopped");
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.site.drain.cancel();
        self.stop.cancel();
        // Behind this nothing is written to the data directory any more.
        if let Some(control) = self.control.take() {
            joined(control);
        }
    }
}

fn joined(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread of the edge has panicked");
    }
}

fn runtime() -> io::Result<Runtime> {
    runtime::Builder::new_current_thread().enable_all().build()
}

/// Opens a listening socket. Called inside a runtime, whose poller the socket leaves again.
fn listen(address: SocketAddr) -> Result<std::net::TcpListener, StartError> {
    let open = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_reuseaddr(true)?;
        // Connections inherit it: a visitor that vanished is noticed in the end.
        socket.set_keepalive(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?.into_std()
    };
    open().map_err(|error| StartError::Listen { address, error })
}

fn development_ca(settings: &Settings) -> Result<DevCa, CertError> {
    let domains = [settings.tunnel_domain.clone(), settings.app_domain.clone()];
    let ca = DevCa::open(&settings.ca_dir(), domains)?;
    tracing::info!(path = %ca.path().display(), "serving certificates of the development CA");
    Ok(ca)
}

fn certificates(
    authority: Option<&DevCa>,
    files: Option<&TlsFiles>,
) -> Result<CertStore, CertError> {
    match (authority, files) {
        (_, Some(files)) => Ok(CertStore::new(Certificate::read(files)?, [])),
        (Some(authority), None) => authority.issue(),
        (None, None) => unreachable!("without files there is an authority"),
    }
}

/// A table that can't be read is as good as none: the feed brings all of it.
fn last_known_routes(path: &Path) -> Routes {
    let routes = Routes::default();
    match disk::load(path) {
        Ok(Some(table)) => {
            let (spaces, hosts) = (table.space_count(), table.host_count());
            tracing::info!(spaces, hosts, "serving the last known routes");
            routes.publish(table);
        }
        Ok(None) => {}
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "the last known routes can't be read");
        }
    }
    routes
}

fn gate(settings: &Settings, routes: &Arc<Routes>) -> Gate {
    let token = match settings.token.clone() {
        Some(token) => TokenSource::Given(token),
        None => TokenSource::File(settings.token_file()),
    };
    let api = Api {
        url: settings.api_url.clone(),
        token,
    };
    Gate::new(
        settings.app_domain.clone(),
        settings.api_public_url.clone(),
        settings.app_offline,
        Arc::new(TicketKeys::open(settings.keys_file())),
        Arc::new(api),
        Arc::clone(routes),
    )
}

fn feed(site: &Site) -> Feed {
    Feed {
        api: Arc::clone(&site.gate.api),
        keys: Arc::clone(&site.gate.keys),
        routes: Arc::clone(&site.routes),
        metrics: Arc::clone(&site.metrics),
    }
}

/// Starts a worker's thread. It ends when everything it carries has ended, or `drain` after the
/// wish to end.
fn work(
    number: usize,
    worker: Arc<Worker>,
    listener: std::net::TcpListener,
    drain: Duration,
) -> io::Result<JoinHandle<()>> {
    let runtime = runtime()?;
    let listener = {
        let _context = runtime.enter();
        TcpListener::from_std(listener)?
    };
    thread::Builder::new()
        .name(format!("edge-{number}"))
        .spawn(move || {
            runtime.block_on(async {
                tokio::spawn(Arc::clone(&worker.upstreams).sweep());
                let (routes, gate) = (&worker.site.routes, &worker.site.gate);
                let live = Arc::clone(&worker.live);
                tokio::spawn(live.watch(Arc::clone(routes), Arc::clone(gate)));
                Arc::clone(&worker).listen(listener).await;
                worker.tasks.close();
                if time::timeout(drain, worker.tasks.wait()).await.is_err() {
                    let left = worker.tasks.len();
                    tracing::warn!(left, "connections were cut at the end of the drain");
                }
            });
        })
}

/// What the control thread does.
struct Duties {
    site: Arc<Site>,
    feed: Feed,
    routes_file: PathBuf,
    metrics_listener: std::net::TcpListener,
    authority: Option<DevCa>,
    stop: CancellationToken,
}

impl Duties {
    async fn run(self) {
        let stop = self.stop.clone();
        let routes = Arc::clone(&self.site.routes);
        let saving = tokio::spawn(disk::keep_saved(routes, self.routes_file, stop.clone()));
        tokio::spawn(self.feed.follow());
        match TcpListener::from_std(self.metrics_listener) {
            Ok(listener) => {
                tokio::spawn(status::serve(Arc::clone(&self.site), listener));
            }
            Err(error) => tracing::error!(%error, "health and metrics can't be served"),
        }
        if let Some(authority) = self.authority {
            tokio::spawn(renew(authority, Arc::clone(&self.site)));
        }
        stop.cancelled().await;
        let _ = saving.await;
    }
}

/// Makes the development CA's certificates anew while the edge runs for months.
async fn renew(authority: DevCa, site: Arc<Site>) {
    loop {
        time::sleep(RENEW_INTERVAL).await;
        match authority.issue() {
            Ok(store) => site.certificates.replace(store),
            Err(error) => tracing::error!(%error, "the certificates can't be made anew"),
        }
    }
}
