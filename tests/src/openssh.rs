//! Somebody with OpenSSH, who comes in at the edge.

use std::{fs, path::PathBuf, process::Stdio};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{Client, Home, in_time};

/// A key and the settings of a client, in a folder that goes with them.
pub struct OpenSsh {
    folder: PathBuf,
}

/// What became of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Its status, unless a signal ended it.
    pub status: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

/// A program in a space that runs.
pub struct Session {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Drop for OpenSsh {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{}: {error}", self.folder.display());
        }
    }
}

impl OpenSsh {
    /// Somebody with a new key, who knows the edge's host key by what it tells.
    pub async fn at(home: &Home) -> Self {
        let folder = std::env::temp_dir().join(format!("spaceport-ssh-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).expect("a folder");
        let it = Self { folder };
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", "key"]);
        let made = it.run(keygen.current_dir(&it.folder)).await;
        assert_eq!(made.status, Some(0), "{made:?}");
        let host = "https://any--thing--atall.apps.localhost/.spaceport/ssh-host-keys";
        let told = home.visitor().get(host).await;
        let told: Value = serde_json::from_str(&told.body).expect("JSON");
        let (address, key) = (home.ssh_address(), &told["hostKeys"][0]);
        let known = format!(
            "[{}]:{} {}\n",
            address.ip(),
            address.port(),
            key.as_str().expect("a host key")
        );
        fs::write(it.folder.join("known_hosts"), known).expect("written");
        let config = format!(
            "Host *\nHostName {}\nPort {}\nUser %n\nIdentityFile {}\nIdentitiesOnly yes\n\
             UserKnownHostsFile {}\nStrictHostKeyChecking yes\nBatchMode yes\nLogLevel ERROR\n",
            address.ip(),
            address.port(),
            it.folder.join("key").display(),
            it.folder.join("known_hosts").display(),
        );
        fs::write(it.folder.join("config"), config).expect("written");
        it
    }

    /// Adds the key to those of `client`'s user; gives its identifier.
    pub async fn key_of(&self, client: &Client) -> String {
        let line = fs::read_to_string(self.folder.join("key.pub")).expect("a key");
        let input = json!({ "name": "laptop", "publicKey": line });
        let key = client.mutate("addSshKey", input).await.value("sshKey");
        crate::client::id(&key)
    }

    /// A file beside the key.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// One of OpenSSH's programs, for which the user name of a space is a host.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command
            .args(["-F", "config"])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs a command in the space that the user name `space` leads to.
    pub async fn ssh(&self, space: &str, command: &str) -> Ran {
        let mut ssh = self.program("ssh");
        ssh.arg("-l").arg(space).arg(space).arg(command);
        self.run(&mut ssh).await
    }

    /// Runs a program to its end.
    pub async fn run(&self, command: &mut Command) -> Ran {
        let output = in_time("a program ends", command.output()).await;
        let output = output.expect("a program that runs");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran {
            status: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Begins a program in a space that says each line it is told.
    pub async fn begin(&self, space: &str) -> Session {
        let mut ssh = self.program("ssh");
        ssh.arg("-l")
            .arg(space)
            .arg(space)
            .arg("echo begun; exec cat");
        let mut child = ssh.stdin(Stdio::piped()).spawn().expect("ssh runs");
        let stdout = child.stdout.take().expect("its output");
        let mut session = Session {
            child,
            lines: BufReader::new(stdout).lines(),
        };
        assert_eq!(session.line().await.as_deref(), Some("begun"));
        session
    }
}

impl Session {
    async fn line(&mut self) -> Option<String> {
        let line = in_time("a line by SSH", self.lines.next_line()).await;
        line.expect("text")
    }

    /// Fails unless the program still answers.
    pub async fn goes_on(&mut self) {
        let stdin = self.child.stdin.as_mut().expect("its input");
        stdin.write_all(b"and on\n").await.expect("told");
        assert_eq!(self.line().await.as_deref(), Some("and on"));
    }

    /// Waits until the edge has ended it, and gives what it said.
    pub async fn is_ended(mut self) -> String {
        assert_eq!(self.line().await, None);
        let ended = in_time("ssh ends", self.child.wait_with_output()).await;
        let ended = ended.expect("an end");
        assert_eq!(ended.status.code(), Some(255), "{ended:?}");
        String::from_utf8_lossy(&ended.stderr).into_owned()
    }
}
