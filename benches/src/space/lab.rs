//! A space with everything that is compared: its container, who signs in, and the peers' server.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::process::Command;

use crate::{
    client::Client,
    docker,
    installation::{Installation, own_path},
};

/// The space's name.
pub const NAME: &str = "bench";
/// Where OpenSSH's own server listens in the container.
const SSHD_PORT: u16 = 2200;
/// The user of the image.
const USER: &str = "dev";
/// How long something that was started may take to answer.
const READY_TIMEOUT: Duration = Duration::from_secs(30);
const READY_INTERVAL: Duration = Duration::from_millis(50);

/// A running space, and how it is reached.
#[derive(Debug)]
pub struct Lab {
    /// Its container, as the engine names it.
    pub container: String,
    /// The container's address.
    pub address: IpAddr,
    /// Where files may be written.
    pub dir: PathBuf,
    ssh: SocketAddr,
    api_url: String,
    token: String,
    ca: PathBuf,
}

impl Lab {
    /// Makes a space of the image for benchmarks, starts it, and starts OpenSSH's server in it.
    pub async fn open(installation: &Installation) -> anyhow::Result<Self> {
        let admin = installation.admin().await?;
        start_space(&admin).await?;
        let (container, address) =
            docker::running_container(&installation.docker, &installation.name).await?;
        let dir = installation.dir().join("lab");
        std::fs::create_dir_all(&dir)?;
        let lab = Self {
            container,
            address,
            ssh: installation.ssh_address(),
            api_url: format!("http://{}", admin.address()?),
            token: admin.token().to_owned(),
            ca: installation.dir().join("data/ca/ca.pem"),
            dir,
        };
        lab.make_key(&admin).await?;
        lab.start_sshd().await?;
        Ok(lab)
    }

    async fn make_key(&self, admin: &Client) -> anyhow::Result<()> {
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", "ed25519", "-N", "", "-f"]);
        run(command.arg(self.key())).await?;
        let public_key = std::fs::read_to_string(self.key().with_extension("pub"))?;
        let input = json!({"name": "bench", "publicKey": public_key.trim()});
        admin
            .change("addSshKey", "AddSshKeyInput", "sshKey { id }", input)
            .await?;
        let line = format!(
            "install -d -m 700 ~/.ssh && echo '{}' >~/.ssh/authorized_keys",
            public_key.trim()
        );
        self.inside(&line).await
    }

    async fn start_sshd(&self) -> anyhow::Result<()> {
        let line = format!("ssh-keygen -A && /usr/sbin/sshd -p {SSHD_PORT}");
        self.inside_as("root", &line).await?;
        wait_for(SocketAddr::new(self.address, SSHD_PORT)).await
    }

    /// The key of who signs in.
    fn key(&self) -> PathBuf {
        self.dir.join("key")
    }

    /// `ssh` into the space by the edge, with the given arguments before the command.
    pub fn ssh_by_edge(&self, options: &[&str], line: &[&str]) -> Command {
        let mut command = self.ssh(options, self.ssh.port());
        command.arg(format!("{NAME}@{}", self.ssh.ip())).args(line);
        command
    }

    /// The same by OpenSSH's own server in the container.
    pub fn ssh_by_sshd(&self, options: &[&str], line: &[&str]) -> Command {
        let mut command = self.ssh(options, SSHD_PORT);
        command.arg(format!("{USER}@{}", self.address)).args(line);
        command
    }

    fn ssh(&self, options: &[&str], port: u16) -> Command {
        let mut command = Command::new("ssh");
        command
            .args(["-F", "none", "-o", "StrictHostKeyChecking=no", "-o"])
            .arg(format!(
                "UserKnownHostsFile={}",
                self.dir.join("known_hosts").display()
            ))
            .args(["-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR", "-i"])
            .arg(self.key())
            .args(["-p", &port.to_string()])
            .args(options)
            .stdin(Stdio::null());
        command
    }

    /// Our command line.
    pub fn spaceport(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(own_path("spaceport")?);
        command
            .args(arguments)
            .env("SPACEPORT_URL", &self.api_url)
            .env("SPACEPORT_TOKEN", &self.token)
            .env("SPACEPORT_CA", &self.ca)
            .env("XDG_CONFIG_HOME", self.dir.join("config"))
            .env("XDG_CACHE_HOME", self.dir.join("cache"))
            .stdin(Stdio::null());
        Ok(command)
    }

    /// Runs a line of shell in the container, as its user.
    pub async fn inside(&self, line: &str) -> anyhow::Result<()> {
        self.inside_as(USER, line).await
    }

    /// Runs a line of shell in the container, as one of its users.
    pub async fn inside_as(&self, user: &str, line: &str) -> anyhow::Result<()> {
        let container = self.container.as_str();
        run(docker_cli(&[
            "exec", "-u", user, container, "sh", "-c", line,
        ]))
        .await
    }

    /// A file or a folder beside the benchmark's own.
    pub fn file(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }
}

/// The engine's own command line.
pub fn docker_cli(arguments: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command.args(arguments).stdin(Stdio::null());
    command
}

/// A path in the space, as our command line has it.
pub fn path(path: &str) -> String {
    format!("{NAME}:{path}")
}

async fn start_space(admin: &Client) -> anyhow::Result<()> {
    let template = json!({
        "name": NAME,
        "image": "spaceport/bench",
        "command": ["sleep", "infinity"],
        "pids": 512,
        "features": ["TERMINAL", "SSH", "PORT_FORWARD", "FILES"],
        "computeUnits": 1,
        "groupIds": [],
    });
    let template = admin
        .change(
            "createTemplate",
            "CreateTemplateInput",
            "template { id }",
            template,
        )
        .await?;
    let input = json!({"templateId": template["template"]["id"], "name": NAME, "start": true});
    let space = admin
        .change("createSpace", "CreateSpaceInput", "space { id }", input)
        .await?;
    let id = space["space"]["id"].as_str().context("no space")?;
    admin.statuses(id).await?.wait_for("RUNNING").await
}

async fn run(mut command: impl std::borrow::BorrowMut<Command>) -> anyhow::Result<()> {
    let command = command.borrow_mut();
    let output = command.output().await?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Waits until something listens at `address`.
pub async fn wait_for(address: SocketAddr) -> anyhow::Result<()> {
    let ready = async {
        while tokio::net::TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(READY_INTERVAL).await;
        }
    };
    tokio::time::timeout(READY_TIMEOUT, ready)
        .await
        .with_context(|| format!("nothing listens at {address}"))
}

/// Removes a file or a folder, if it is there.
pub fn remove(path: impl AsRef<Path>) -> anyhow::Result<()> {
    let path = path.as_ref();
    let removed = if path.is_dir() {
        std::fs::remove_dir_all(path)
    } else {
        std::fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
