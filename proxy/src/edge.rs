//! The whole edge as one thing that is started and shut down.
//!
//! | thread | runs |
//! |---|---|
//! | `edge-control` | the feed, its file, certificates' reload and renewal, health and metrics |
//! | `edge-<n>` | visitors and the spaces they visit, one a core |

mod certificates;
mod control;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    net::TcpListener,
    runtime::{self, Runtime},
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    certificates::{Given, OnOrder},
    control::Duties,
};
use crate::{
    api::Api,
    certs::{CertError, Certificates},
    drain::Drain,
    files,
    gate::{Gate, TicketKeys},
    guard::{ControlPlane, Guard},
    listener::{Door, Site, Worker, admission::Admission},
    metrics::Metrics,
    routes::{Routes, disk, feed::Feed, token::TokenSource},
    settings::Settings,
    sockets::{ListenError, Sockets},
    ssh::{
        Ssh,
        host_key::{HostKey, HostKeyError},
        reports::{self, Reports},
    },
    takeover::{Handed, Predecessor, TakeoverError},
    tls::{self, Handshakes},
    upstream::{Upstreams, shares::Shares},
};

/// One space may have so many parts of all connections into spaces, if nothing else is set.
const SPACE_SHARE: usize = 4;

/// A running edge. Dropping it stops it without waiting for visitors.
#[derive(Debug)]
pub struct Edge {
    address: SocketAddr,
    metrics_address: SocketAddr,
    ssh_address: Option<SocketAddr>,
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
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Another edge runs in the data directory and is not to be had.
    #[error(transparent)]
    Takeover(#[from] TakeoverError),
    /// There is nothing to show to visitors.
    #[error(transparent)]
    Certificate(#[from] CertError),
    /// There is no key by which SSH clients know the edge.
    #[error("the SSH host key {path} can't be used: {error}")]
    HostKey {
        /// Its file.
        path: PathBuf,
        /// Why.
        error: HostKeyError,
    },
    /// TLS can't be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// A thread or a runtime can't be made.
    #[error("the edge's threads can't be started: {0}")]
    Thread(#[from] io::Error),
}

impl Edge {
    /// Listens, loads the last known routes, and serves from threads of its own.
    ///
    /// When an edge runs in the same data directory, this one takes its sockets over once it is
    /// ready, and the other one drains. Blocks the thread meanwhile.
    pub fn start(settings: &Settings) -> Result<Self, StartError> {
        let (predecessor, handed) = predecessor(settings)?.unzip();
        let sockets = Sockets::open(settings, handed)?;
        let address = sockets.visitors.local_addr()?;
        let metrics_address = sockets.metrics.local_addr()?;
        let ssh_address = sockets.ssh.as_ref().map(std::net::TcpListener::local_addr);
        let ssh_address = ssh_address.transpose()?;

        let certificates = Arc::new(Certificates::default());
        let given = Given::open(settings, &certificates)?;

        let routes = Arc::new(last_known_routes(&settings.routes_file()));
        let gate = Arc::new(gate(settings, &routes));
        let (reports, outbox) = reports::open(Arc::clone(&gate.api));
        let limits = settings.limits;
        let room = files::room_for(limits.max_connections, limits.upstream.all);
        let share = room.spaces.div_ceil(SPACE_SHARE);
        let shares = Shares::new(room.spaces, limits.upstream.per_space.unwrap_or(share));
        let site = Arc::new(Site {
            routes,
            gate,
            metrics: Arc::new(Metrics::default()),
            limits,
            trusted_proxies: settings.trusted_proxies.clone(),
            proxy_protocol: settings.proxy_protocol,
            certificates,
            admission: Admission::new(
                room.visitors,
                limits.max_connections_per_address,
                limits.max_handshakes,
                settings.trusted_proxies.clone(),
            ),
            drain: Arc::default(),
            ssh: ssh_address.map(|_| ssh(settings, reports)).transpose()?,
        });
        let (on_demand, on_order) = OnOrder::open(settings, &site)?.unzip();
        let resolver = Arc::clone(&site.certificates);
        let tls = Handshakes::new(Arc::new(tls::server_config(resolver)?), on_demand);
        let own = [address, metrics_address].into_iter().chain(ssh_address);
        let guard = Arc::new(Guard::new(
            own.collect(),
            site.gate.api.found_at.clone(),
            settings.allow_loopback_upstreams,
        ));
        let worker = || Worker {
            site: Arc::clone(&site),
            upstreams: Upstreams::new(
                Arc::clone(&guard),
                Arc::clone(&site.routes),
                Arc::clone(&site.metrics),
                limits,
                Arc::clone(&shares),
            ),
            live: Arc::default(),
            tasks: TaskTracker::new(),
            tls: tls.clone(),
        };
        let desks = (0..settings.workers.get())
            .map(|_| Desk::open(worker(), &sockets))
            .collect::<io::Result<Vec<_>>>()?;
        let (control, hangup) = control_runtime()?;
        let stop = CancellationToken::new();
        let ca_path = given.authority.as_ref().map(|it| it.path().to_owned());
        let duties = Duties {
            site: Arc::clone(&site),
            feed: feed(&site),
            routes_file: settings.routes_file(),
            takeover_file: settings.takeover_socket(),
            sockets,
            given,
            hangup,
            on_order,
            reports: outbox,
            stop: stop.clone(),
        };

        // Whatever can fail has not failed: from here on this edge serves.
        if let Some(predecessor) = predecessor {
            replace(predecessor, &site.routes, &settings.routes_file())?;
        }
        let mut edge = Self {
            address,
            metrics_address,
            ssh_address,
            ca_path,
            site,
            control: None,
            workers: Vec::new(),
            stop,
        };
        for (number, desk) in desks.into_iter().enumerate() {
            let (drain, upgrade_drain) = (settings.drain, settings.upgrade_drain);
            let worker = thread::Builder::new()
                .name(format!("edge-{number}"))
                .spawn(move || desk.work(drain, upgrade_drain))?;
            edge.workers.push(worker);
        }
        let control = thread::Builder::new()
            .name("edge-control".to_owned())
            .spawn(move || control.block_on(duties.run()))?;
        edge.control = Some(control);
        let ssh_address = ssh_address.map(tracing::field::display);
        let workers = settings.workers;
        tracing::info!(%address, %metrics_address, ssh_address, workers, "edge listens");
        Ok(edge)
    }

    /// Where visitors come in.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where health and metrics are.
    pub const fn metrics_address(&self) -> SocketAddr {
        self.metrics_address
    }

    /// Where SSH clients come in, if they do.
    pub const fn ssh_address(&self) -> Option<SocketAddr> {
        self.ssh_address
    }

    /// What is known of the spaces.
    pub fn routes(&self) -> &Routes {
        &self.site.routes
    }

    /// The development CA's certificate, when it is in use.
    pub fn ca_path(&self) -> Option<&Path> {
        self.ca_path.as_deref()
    }

    /// How it ends, for whoever is to end it while somebody waits.
    pub fn drain(&self) -> Arc<Drain> {
        Arc::clone(&self.site.drain)
    }

    /// Takes no more connections, lets the open ones end in the time the settings give them, and
    /// returns. It blocks the thread.
    pub fn shutdown(self) {
        self.site.drain.stop();
        self.wait();
    }

    /// Serves until it was told to end or a successor has taken over, and until what was open has
    /// ended or had its time. It blocks the thread.
    pub fn wait(mut self) {
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
        self.site.drain.stop();
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

/// The same for the control thread, which hears of every SIGHUP. Without a handler one ends the
/// process: there is one before anybody knows that the edge listens, and also where no files are.
fn control_runtime() -> io::Result<(Runtime, Signal)> {
    let runtime = runtime()?;
    let hangup = {
        let _context = runtime.enter();
        signal(SignalKind::hangup())?
    };
    Ok((runtime, hangup))
}

/// The edge that runs in the data directory, if there is one, and what it offers.
fn predecessor(settings: &Settings) -> Result<Option<(Predecessor, Handed)>, TakeoverError> {
    let found = Predecessor::find(&settings.takeover_socket())?;
    if let Some((predecessor, _)) = &found {
        let pid = predecessor.pid;
        tracing::info!(
            pid,
            "another edge runs in this data directory; taking over from it"
        );
    }
    Ok(found)
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
        found_at: ControlPlane::at(settings.api_url.address()),
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

fn ssh(settings: &Settings, reports: Reports) -> Result<Arc<Ssh>, StartError> {
    let path = settings.ssh_host_key_file();
    let ssh = HostKey::open(&path).and_then(|key| {
        let proxies = settings.trusted_proxies.clone();
        Ssh::new(settings.ssh.limits, key, proxies, reports)
    });
    ssh.map(Arc::new)
        .map_err(|error| StartError::HostKey { path, error })
}

fn feed(site: &Site) -> Feed {
    Feed {
        api: Arc::clone(&site.gate.api),
        keys: Arc::clone(&site.gate.keys),
        routes: Arc::clone(&site.routes),
        metrics: Arc::clone(&site.metrics),
    }
}

/// Takes over from `predecessor`, with the routes that it has saved last.
fn replace(
    predecessor: Predecessor,
    routes: &Routes,
    routes_file: &Path,
) -> Result<(), TakeoverError> {
    if predecessor.has_routes && routes.generation() == 0 {
        return Err(TakeoverError::NoRoutes);
    }
    predecessor.replace()?;
    // It may have heard news meanwhile; what is here already serves as well.
    if let Ok(Some(table)) = disk::load(routes_file) {
        routes.publish(table);
    }
    tracing::info!("took over; the other edge lets its connections end");
    Ok(())
}

/// Where a worker works: everything it needs to begin.
struct Desk {
    runtime: Runtime,
    listener: TcpListener,
    ssh_listener: Option<TcpListener>,
    worker: Arc<Worker>,
}

impl Desk {
    fn open(worker: Worker, sockets: &Sockets) -> io::Result<Self> {
        let runtime = runtime()?;
        let listener = |socket: &std::net::TcpListener| {
            let _context = runtime.enter();
            TcpListener::from_std(socket.try_clone()?)
        };
        let ssh_listener = sockets.ssh.as_ref().map(listener).transpose()?;
        Ok(Self {
            listener: listener(&sockets.visitors)?,
            ssh_listener,
            runtime,
            worker: Arc::new(worker),
        })
    }

    /// Works until everything it carries has ended, or had its time once the drain began: `drain`
    /// after the wish to stop, `upgrade_drain` after a takeover.
    fn work(self, drain: Duration, upgrade_drain: Duration) {
        let Self {
            runtime,
            listener,
            ssh_listener,
            worker,
        } = self;
        runtime.block_on(async {
            tokio::spawn(Arc::clone(&worker.upstreams).sweep());
            let (routes, gate) = (&worker.site.routes, &worker.site.gate);
            let live = Arc::clone(&worker.live);
            tokio::spawn(live.watch(Arc::clone(routes), Arc::clone(gate)));
            let https = Arc::clone(&worker).listen(listener, Door::Https);
            match ssh_listener {
                None => https.await,
                Some(listener) => {
                    let ssh = Arc::clone(&worker).listen(listener, Door::Ssh);
                    tokio::join!(https, ssh);
                }
            }
            worker.tasks.close();
            tokio::select! {
                () = worker.tasks.wait() => {}
                () = worker.site.drain.over(drain, upgrade_drain) => {
                    let left = worker.tasks.len();
                    tracing::warn!(left, "connections were cut at the end of the drain");
                }
            }
        });
    }
}
