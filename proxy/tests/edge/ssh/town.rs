//! An edge with a space whose agent is the real one, and somebody with OpenSSH.

use std::{
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::{harness::House, soon, space::closed_port};

const SECRET: [u8; 32] = [0x55; 32];
/// The agent, which is built beside the edge.
const EDGE_PROGRAM: &str = env!("CARGO_BIN_EXE_spaceport-proxy");
/// Where the agent is instead.
const AGENT_VARIABLE: &str = "SPACEPORT_AGENT_PROGRAM";

/// An edge, a running space of user 1 (`ada`), which is named `lab`, and her key.
pub(crate) struct Town {
    pub(crate) house: House,
    agent: Agent,
}

/// A running agent, as a program of this machine; it ends when it is dropped.
struct Agent {
    child: Child,
    port: u16,
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Agent {
    fn start() -> Self {
        let beside = Path::new(EDGE_PROGRAM).with_file_name("spaceport-agent");
        let program = std::env::var_os(AGENT_VARIABLE).map_or(beside, PathBuf::from);
        let port = closed_port();
        let digest = Sha256::digest(SECRET);
        let digest = format!("{digest:x}");
        let config = json!({"secretSha256": digest, "port": port, "user": ""});
        let child = std::process::Command::new(&program)
            .env("SPACEPORT_AGENT", config.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; run dev/agent", program.display()));
        let agent = Self { child, port };
        // There is nothing to wait on but the port itself.
        let deadline = std::time::Instant::now() + crate::space::SOON;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(std::time::Instant::now() < deadline, "the agent listens");
            std::thread::sleep(Duration::from_millis(5));
        }
        agent
    }
}

/// What the feed says of somebody's keys.
pub(crate) fn person(number: u128, permissions: &[&str], keys: &[(u128, &str)]) -> Value {
    let keys: Vec<_> = keys
        .iter()
        .map(|(id, line)| json!({"id": format!("sshkey_{id:032x}"), "publicKey": line}))
        .collect();
    json!({
        "userId": format!("user_{number:032x}"), "permissions": permissions, "signIns": [],
        "sshKeys": keys,
    })
}

pub(crate) const DEVELOPER: [&str; 1] = ["USE_SSH"];

impl Town {
    pub(crate) async fn open() -> Self {
        Self::open_with(&[]).await
    }

    /// Open, with more settings.
    pub(crate) async fn open_with(settings: &[(&'static str, &str)]) -> Self {
        let house = House::open_with(settings).await;
        let town = Self {
            house,
            agent: Agent::start(),
        };
        let key = town.make_key("ada", "ed25519").await;
        town.house.say(town.space("RUNNING")).await;
        town.house.say(person(1, &DEVELOPER, &[(1, &key)])).await;
        town.write_config().await;
        town
    }

    /// What the feed says of the space.
    pub(crate) fn space(&self, status: &str) -> Value {
        let mut space = crate::harness::routes(
            1,
            status,
            self.house.space.address,
            "web--ada.tunnels.localhost",
        );
        space["spaceName"] = "lab".into();
        space["features"] = json!(["SSH"]);
        space["agent"] = json!({
            "port": self.agent.port,
            "secret": spaceport_domain::agent::Secret::new(SECRET),
        });
        space
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.house.edge().ssh_address().unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.house.folder.path().join(name)
    }

    /// Makes a key in a file of that name; gives the public half.
    pub(crate) async fn make_key(&self, name: &str, kind: &str) -> String {
        let path = self.path(name);
        let mut keygen = Command::new("ssh-keygen");
        keygen
            .args(["-q", "-N", "", "-C", "", "-t", kind, "-f"])
            .arg(&path);
        assert!(keygen.status().await.unwrap().success());
        let line = std::fs::read_to_string(path.with_extension("pub")).unwrap();
        line.trim().to_owned()
    }

    /// The fingerprint of a key that was made.
    pub(crate) async fn fingerprint(&self, name: &str) -> String {
        let mut keygen = Command::new("ssh-keygen");
        keygen.arg("-lf").arg(self.path(name));
        let told = self.run(&mut keygen).await;
        told.stdout.split(' ').nth(1).unwrap().to_owned()
    }

    /// What the edge tells of its host key.
    pub(crate) async fn host_key(&self) -> String {
        let host = "any--thing--atall.apps.localhost";
        let got = self.house.get(host, "/.spaceport/ssh-host-keys").await;
        assert_eq!(got.status, 200);
        let keys: Value = serde_json::from_slice(&got.body).unwrap();
        keys["hostKeys"][0].as_str().unwrap().to_owned()
    }

    /// A client's settings, by which `lab` is reached.
    pub(crate) async fn write_config(&self) {
        let (address, key) = (self.address(), self.host_key().await);
        let known = format!("[{}]:{} {key}\n", address.ip(), address.port());
        std::fs::write(self.path("known_hosts"), known).unwrap();
        let config = format!(
            "Host lab lab--ada nowhere\n\
             HostName {}\nPort {}\nUser lab\nIdentitiesOnly yes\n\
             UserKnownHostsFile {}\nStrictHostKeyChecking yes\nBatchMode yes\nLogLevel ERROR\n",
            address.ip(),
            address.port(),
            self.path("known_hosts").display(),
        );
        // The first value counts, so that the user of each host goes first.
        let users = "Host lab--ada\nUser lab--ada\nHost nowhere\nUser nowhere\n";
        std::fs::write(self.path("config"), format!("{users}{config}")).unwrap();
    }

    /// One of OpenSSH's programs, as user 1 uses it.
    pub(crate) fn program(&self, name: &str) -> Command {
        self.program_as("ada", name)
    }

    /// The same with another key.
    fn program_as(&self, key: &str, name: &str) -> Command {
        let mut command = Command::new(name);
        command
            .args(["-F", "config", "-i", key])
            .current_dir(self.house.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs `ssh` with these arguments.
    pub(crate) async fn ssh(&self, arguments: &[&str]) -> Ran {
        self.ssh_as("ada", arguments).await
    }

    /// The same with another key.
    pub(crate) async fn ssh_as(&self, key: &str, arguments: &[&str]) -> Ran {
        self.run(self.program_as(key, "ssh").args(arguments)).await
    }

    /// Runs a program to its end.
    pub(crate) async fn run(&self, command: &mut Command) -> Ran {
        Ran::of(soon(command.output()).await.unwrap())
    }
}

/// What became of a program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self {
            status: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// What it printed, if it ended well.
    pub(crate) fn well(self) -> String {
        assert_eq!(self.status, Some(0), "{self:?}");
        self.stdout
    }
}
