//! A Spaceport of its own for one run: both programs, on free ports, with an embedded database.

use std::{
    env, fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, ensure};
use bollard::Docker;
use tokio::process::{Child, Command};

use crate::{client::Client, docker};

const PASSWORD: &str = "a password for benchmarks";

/// How long a program may take to be ready.
const READY_TIMEOUT: Duration = Duration::from_secs(30);
const READY_INTERVAL: Duration = Duration::from_millis(50);

/// Both programs, running.
#[derive(Debug)]
pub struct Installation {
    /// Its name, by which its objects in the engine are known.
    pub name: String,
    /// The engine it uses.
    pub docker: Docker,
    dir: PathBuf,
    addresses: Addresses,
    api: Child,
    edge: Option<Child>,
}

/// Where the parts of an installation listen. Both programs are told all of it, because each speaks
/// of the other to people.
#[derive(Debug)]
struct Addresses {
    api: SocketAddr,
    edge: SocketAddr,
    ssh: SocketAddr,
}

impl Addresses {
    /// Addresses that are free now.
    fn free() -> anyhow::Result<Self> {
        let free = || anyhow::Ok(free_address()?.parse()?);
        Ok(Self {
            api: free()?,
            edge: free()?,
            ssh: free()?,
        })
    }

    /// The URL of the API.
    fn base(&self) -> String {
        format!("http://{}", self.api)
    }
}

impl Installation {
    /// Starts both programs and waits until they are ready. They lie beside this one.
    ///
    /// Names and directories begin as `dev/sweep` expects, should this program be killed.
    pub async fn start(docker: Docker) -> anyhow::Result<Self> {
        let pid = std::process::id();
        let name = format!("test-{pid}-bench");
        let dir = env::temp_dir().join(format!("spaceport-test-{pid}-bench"));
        fs::create_dir_all(&dir)?;
        let addresses = Addresses::free()?;
        let mut installation = Self {
            api: command("spaceport-api", &name, &dir, &addresses)?.spawn()?,
            edge: None,
            addresses,
            name,
            docker,
            dir,
        };
        let ready = installation.wait_until_ready().await;
        if let Err(error) = ready {
            let _ = installation.close().await;
            return Err(error);
        }
        Ok(installation)
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let client = self.client()?;
        let ready = async {
            while client.text("/readyz").await.is_err() {
                tokio::time::sleep(READY_INTERVAL).await;
            }
        };
        tokio::time::timeout(READY_TIMEOUT, ready)
            .await
            .context("the API isn't ready")?;
        let mut edge = command("spaceport-proxy", &self.name, &self.dir, &self.addresses)?
            .env("SPACEPORT_EDGE_METRICS_LISTEN", free_address()?)
            .spawn()?;
        let ready = async {
            loop {
                if edge.try_wait()?.is_some() {
                    return anyhow::Ok(false);
                }
                if tokio::net::TcpStream::connect(self.addresses.edge)
                    .await
                    .is_ok()
                {
                    return Ok(true);
                }
                tokio::time::sleep(READY_INTERVAL).await;
            }
        };
        let runs = tokio::time::timeout(READY_TIMEOUT, ready)
            .await
            .context("the edge isn't ready")??;
        ensure!(runs, "the edge ended by itself; see {}", self.dir.display());
        self.edge = Some(edge);
        Ok(())
    }

    /// The address of the API.
    pub fn client(&self) -> anyhow::Result<Client> {
        Client::new(&self.addresses.base())
    }

    /// A client signed in as the administrator.
    pub async fn admin(&self) -> anyhow::Result<Client> {
        self.client()?.sign_in("admin", PASSWORD).await
    }

    /// Where its files are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where its edge speaks SSH.
    pub const fn ssh_address(&self) -> SocketAddr {
        self.addresses.ssh
    }

    /// The process of the API.
    pub fn api_pid(&self) -> anyhow::Result<u32> {
        self.api.id().context("the API ended")
    }

    /// The process of the edge.
    pub fn edge_pid(&self) -> anyhow::Result<u32> {
        let edge = self.edge.as_ref().context("there is no edge")?;
        edge.id().context("the edge ended")
    }

    /// Ends both programs and removes everything they made.
    pub async fn close(&mut self) -> anyhow::Result<()> {
        for child in self.edge.iter_mut().chain([&mut self.api]) {
            // An error says that it has ended already.
            let _ = child.start_kill();
            child.wait().await?;
        }
        docker::remove_all(&self.docker, &self.name).await?;
        Ok(fs::remove_dir_all(&self.dir)?)
    }
}

/// Where a program is that lies beside this one.
pub fn own_path(program: &str) -> anyhow::Result<PathBuf> {
    let path = env::current_exe()?.with_file_name(program);
    ensure!(
        path.exists(),
        "{} isn't built: run `make bench`",
        path.display()
    );
    Ok(path)
}

/// The agent as it goes into spaces: what lies beside this program is linked to libraries.
pub fn agent_path() -> anyhow::Result<PathBuf> {
    own_path("../agent/spaceport-agent")
}

/// A program that lies beside this one, without settings but the log's filter. It runs in `dir` and
/// writes its log there.
pub fn own_program(program: &str, dir: &Path) -> anyhow::Result<Command> {
    let path = own_path(program)?;
    let log = fs::File::create(dir.join(format!("{program}.log")))?;
    let mut command = Command::new(path);
    for (key, _) in env::vars_os() {
        let key = key.to_string_lossy().into_owned();
        if key.starts_with("SPACEPORT_") && key != "SPACEPORT_LOG" {
            command.env_remove(key);
        }
    }
    command
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true);
    Ok(command)
}

fn command(
    program: &str,
    name: &str,
    dir: &Path,
    addresses: &Addresses,
) -> anyhow::Result<Command> {
    let mut command = own_program(program, dir)?;
    if let Ok(host) = env::var("DOCKER_HOST") {
        command.env("SPACEPORT_DOCKER_HOST", host);
    }
    command
        .env("SPACEPORT_INSTALLATION", name)
        .env("SPACEPORT_DATA_DIR", dir.join("data"))
        .env("SPACEPORT_API_LISTEN", addresses.api.to_string())
        .env("SPACEPORT_EDGE_LISTEN", addresses.edge.to_string())
        .env("SPACEPORT_SSH_LISTEN", addresses.ssh.to_string())
        .env("SPACEPORT_ADMIN_PASSWORD", PASSWORD)
        .env("SPACEPORT_AGENT_PROGRAM", agent_path()?)
        // Neither is part of a start: rules are set once, volumes are made with the space.
        .env("SPACEPORT_FIREWALL", "external")
        .env("SPACEPORT_VOLUME_ENFORCEMENT", "off");
    Ok(command)
}

/// An address of this machine that was free a moment ago.
pub fn free_address() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.to_string())
}
