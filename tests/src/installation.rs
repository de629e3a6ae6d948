//! Whole installations: both programs, a database, a data directory and a label in Docker.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    ops::Deref,
    path::{Path, PathBuf},
    sync::{
        Arc, Weak,
        atomic::{AtomicU16, Ordering},
    },
};

use spaceport_domain::event::Event;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use crate::{
    Client, Database, Visitor,
    database::Opened,
    docker::Docker,
    eventually,
    program::{Program, agent_path},
    traces::Traces,
};

/// The password of the user `admin`.
pub const ADMIN_PASSWORD: &str = "a password for tests";

/// How many installations may run side by side: each is two processes and a network.
const INSTALLATIONS_MAX: usize = 8;
static SEATS: Semaphore = Semaphore::const_new(INSTALLATIONS_MAX);

/// An installation that runs. Dropping it ends it and removes everything it made.
// The order of the fields is that of their end: the programs first.
pub struct Installation {
    /// `spaceport-api`.
    pub api: Program,
    /// `spaceport-proxy`.
    pub edge: Program,
    /// The engine that its spaces are in.
    pub docker: Docker,
    data_dir: PathBuf,
    api_address: SocketAddr,
    edge_address: SocketAddr,
    metrics_address: SocketAddr,
    ssh_address: SocketAddr,
    traces: Traces,
    database: Opened,
    _seat: SemaphorePermit<'static>,
}

/// What is wanted of an installation.
pub struct Plan {
    database: Database,
    with_edge: bool,
    environment: Vec<(String, String)>,
    unset: Vec<String>,
    listen: Ipv4Addr,
}

impl Plan {
    /// Sets one more setting, for both programs.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Leaves a setting at its default that tests otherwise set.
    #[must_use]
    pub fn unset(mut self, name: &str) -> Self {
        self.unset.push(name.to_owned());
        self
    }

    /// Lets everything listen on all addresses of the host, not on loopback alone.
    #[must_use]
    pub fn on_all_addresses(mut self) -> Self {
        self.listen = Ipv4Addr::UNSPECIFIED;
        self
    }

    /// Leaves the edge out.
    #[must_use]
    pub fn without_edge(mut self) -> Self {
        self.with_edge = false;
        self
    }

    /// Makes and starts the installation, and waits until it is ready.
    pub async fn start(self) -> Home {
        let with_edge = self.with_edge;
        let home = Home(Arc::new(Installation::make(self).await));
        home.start_api().await;
        if with_edge {
            home.start_edge().await;
        }
        home
    }
}

impl Installation {
    /// An installation of the test's own.
    pub async fn start(database: Database) -> Home {
        Self::plan(database).start().await
    }

    /// An installation that is to be different from the rest.
    pub fn plan(database: Database) -> Plan {
        Plan {
            database,
            with_edge: true,
            environment: Vec::new(),
            unset: Vec::new(),
            listen: Ipv4Addr::LOCALHOST,
        }
    }

    /// An installation that the tests running at this time share. None of them may end its
    /// programs, and what they make in it has names of their own.
    pub async fn shared(database: Database) -> Home {
        static SHARED: [Mutex<Weak<Installation>>; 2] =
            [Mutex::const_new(Weak::new()), Mutex::const_new(Weak::new())];
        let mut shared = SHARED[database as usize].lock().await;
        if let Some(running) = shared.upgrade() {
            return Home(running);
        }
        let home = Self::start(database).await;
        *shared = Arc::downgrade(&home.0);
        home
    }

    async fn make(plan: Plan) -> Self {
        static COUNT: AtomicU16 = AtomicU16::new(0);
        let seat = SEATS.acquire().await.expect("never closed");
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // The process is in the names for `dev/sweep`, which removes what killed tests left.
        let name = format!("test-{}-i{count}", std::process::id());
        let directory = std::env::temp_dir().join(format!("spaceport-{name}"));
        let data_dir = directory.join("data");
        std::fs::create_dir_all(&directory).expect("a directory");
        let setting = |wanted: &str| {
            let mut all = plan.environment.iter();
            all.find(|(key, _)| key == wanted)
                .map(|(_, value)| value.clone())
        };
        let docker_host = setting("SPACEPORT_DOCKER_HOST");
        let traces = Traces {
            docker_host: docker_host.clone(),
            installation: name.clone(),
            volumes_dir: data_dir.join("volumes"),
            directory: directory.clone(),
        };
        let database = Opened::create(plan.database, &name, &data_dir).await;
        let [api_address, edge_address, metrics_address, ssh_address] =
            [(); 4].map(|()| free_address());
        let listen = |address: SocketAddr| format!("{}:{}", plan.listen, address.port());
        let mut environment = vec![
            ("SPACEPORT_INSTALLATION".to_owned(), name.clone()),
            (
                "SPACEPORT_DATA_DIR".to_owned(),
                data_dir.display().to_string(),
            ),
            ("SPACEPORT_API_LISTEN".to_owned(), listen(api_address)),
            ("SPACEPORT_EDGE_LISTEN".to_owned(), listen(edge_address)),
            (
                "SPACEPORT_EDGE_METRICS_LISTEN".to_owned(),
                listen(metrics_address),
            ),
            ("SPACEPORT_SSH_LISTEN".to_owned(), listen(ssh_address)),
            (
                "SPACEPORT_ADMIN_PASSWORD".to_owned(),
                ADMIN_PASSWORD.to_owned(),
            ),
            (
                "SPACEPORT_AGENT_PROGRAM".to_owned(),
                agent_path().display().to_string(),
            ),
        ];
        environment.retain(|(name, _)| !plan.unset.contains(name));
        environment.extend(plan.environment);
        // As an operator would do it: the edge is told nothing of the database.
        let for_edge = environment.clone();
        environment.extend(
            database
                .url()
                .map(|url| ("SPACEPORT_DATABASE_URL".to_owned(), url)),
        );
        Self {
            api: Program::new("spaceport-api", environment, directory.join("api.log")),
            edge: Program::new("spaceport-proxy", for_edge, directory.join("edge.log")),
            docker: Docker {
                host: docker_host,
                installation: name,
            },
            data_dir,
            api_address,
            edge_address,
            metrics_address,
            ssh_address,
            traces,
            database,
            _seat: seat,
        }
    }

    /// Starts the API and waits until it is ready.
    pub async fn start_api(&self) {
        self.api.start();
        let url = self.api_url("/readyz");
        eventually("the API is ready", async || {
            assert!(self.api.is_running(), "the API ended:\n{}", self.api.log());
            answers_ok(&url).await
        })
        .await;
    }

    /// Starts the edge and waits until it knows the routes.
    pub async fn start_edge(&self) {
        self.edge.start();
        let url = self.edge_status_url("/readyz");
        eventually("the edge is ready", async || {
            assert!(
                self.edge.is_running(),
                "the edge ended:\n{}",
                self.edge.log()
            );
            answers_ok(&url).await
        })
        .await;
    }

    /// Kills the API as a crash would, and starts it again.
    pub async fn crash_api(&self) {
        self.api.kill();
        self.start_api().await;
    }

    /// The label of what is in the engine.
    pub fn name(&self) -> &str {
        &self.traces.installation
    }

    /// Where keys, the embedded database and enforced volumes are.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The address the API listens on.
    pub fn api_address(&self) -> SocketAddr {
        self.api_address
    }

    /// The address the edge listens on.
    pub fn edge_address(&self) -> SocketAddr {
        self.edge_address
    }

    /// The address where SSH clients come in.
    pub fn ssh_address(&self) -> SocketAddr {
        self.ssh_address
    }

    /// The address where the edge talks to its operator.
    pub fn metrics_address(&self) -> SocketAddr {
        self.metrics_address
    }

    /// The URL of something the API serves.
    pub fn api_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.api_address)
    }

    /// The URL of something the edge tells its operator.
    pub fn edge_status_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.metrics_address)
    }

    /// Whether `text` is anywhere in what the database keeps.
    pub async fn database_holds(&self, text: &str) -> bool {
        self.database.holds(text).await
    }

    /// Lets every code for an app have expired a moment ago.
    pub async fn expire_app_codes(&self) {
        let past = jiff::Timestamp::now().as_millisecond() - 1;
        let statement = format!("UPDATE app_code SET expires_at_ms = {past}");
        self.database.change(&statement).await;
    }

    /// Every event of the outbox, in order.
    pub async fn outbox(&self) -> Vec<Event> {
        self.database.outbox().await
    }

    /// A client nobody has signed in with.
    pub fn anonymous(&self) -> Client {
        Client::new(self.api_address)
    }

    /// A client signed in as the administrator.
    pub async fn admin(&self) -> Client {
        self.anonymous().sign_in("admin", ADMIN_PASSWORD).await
    }

    /// A client that is known as the edge.
    pub fn as_edge(&self) -> Client {
        let token = std::fs::read_to_string(self.data_dir.join("edge.token")).expect("a token");
        self.anonymous().with_token(token.trim())
    }

    /// A visitor who trusts the development CA.
    pub fn visitor(&self) -> Visitor {
        Visitor::new(self.edge_address, &self.data_dir.join("ca").join("ca.pem"))
    }
}

/// A test's hold on an installation. When the test fails, it shows what the programs logged.
pub struct Home(Arc<Installation>);

impl Deref for Home {
    type Target = Installation;

    fn deref(&self) -> &Installation {
        &self.0
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (name, program) in [("API", &self.api), ("edge", &self.edge)] {
                let log = program.log();
                let lines: Vec<_> = log.lines().collect();
                let last = lines.len().saturating_sub(60);
                eprintln!(
                    "--- the {name}'s log, its end:\n{}",
                    lines[last..].join("\n")
                );
            }
        }
    }
}

async fn answers_ok(url: &str) -> bool {
    let answer = crate::client::http().get(url).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

/// A loopback address that nobody listens on, below the ports that the kernel hands out to
/// outgoing connections: one of those might take it while a program is restarted.
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 9_000;
    loop {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = FIRST + (std::process::id().wrapping_mul(97) + step) % COUNT;
        let address = (
            Ipv4Addr::LOCALHOST,
            u16::try_from(port).expect("below 65536"),
        );
        if TcpListener::bind(address).is_ok() {
            return address.into();
        }
    }
}
