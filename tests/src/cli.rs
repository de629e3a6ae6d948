//! The command line, as somebody runs it who has a home directory of their own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{Client, Home, in_time, program::path_of};

/// Somebody's command line. Their home directory goes with it.
pub struct Cli {
    home: PathBuf,
    environment: Vec<(String, String)>,
}

/// What became of a command.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Its exit status.
    pub status: i32,
    /// What it wrote to standard output, byte by byte.
    pub bytes: Vec<u8>,
    /// The same as text.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

/// A command that goes on. It ends when it is dropped.
pub struct Running {
    /// Its process.
    pub child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Cli {
    /// The command line of who is signed in with `client`, and trusts the development CA.
    pub fn of(home: &Home, client: &Client) -> Self {
        Self::nobody(home).set("SPACEPORT_TOKEN", client.token())
    }

    /// The command line of somebody who isn't signed in.
    pub fn nobody(home: &Home) -> Self {
        let ca = home.data_dir().join("ca").join("ca.pem");
        Self::stranger()
            .set("SPACEPORT_URL", &home.api_url(""))
            .set("SPACEPORT_CA", &ca.display().to_string())
    }

    /// The command line of somebody who knows no installation.
    pub fn stranger() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("spaceport-test-{}-cli{count}", std::process::id());
        let home = std::env::temp_dir().join(name);
        fs::create_dir_all(&home).expect("a home directory");
        Self {
            home,
            environment: Vec::new(),
        }
    }

    /// The same with one more variable in its environment; an empty one counts for none.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The user's home directory.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// A command of it, which isn't started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(path_of("spaceport"));
        command
            .args(arguments)
            .current_dir(&self.home)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output();
        ran(in_time("a command's end", output)
            .await
            .expect("it is started"))
    }

    /// The same with this on standard input.
    pub async fn run_with(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("it is started");
        let mut stdin = child.stdin.take().expect("standard input");
        let input = input.to_owned();
        let writing = tokio::spawn(async move {
            // Who doesn't read all of it has their reasons.
            let _ = stdin.write_all(&input).await;
        });
        let output = in_time("a command's end", child.wait_with_output()).await;
        writing.await.expect("written");
        ran(output.expect("it is waited for"))
    }

    /// The result of a command that must succeed, as JSON.
    pub async fn json(&self, arguments: &[&str]) -> Value {
        let all = [arguments, &["--json"]].concat();
        let ran = self.run(&all).await.succeeded();
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.out))
    }

    /// Starts a command that goes on.
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::of(self.command(arguments))
    }
}

impl Drop for Cli {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.home);
    }
}

impl Running {
    /// Starts a command.
    pub fn of(mut command: Command) -> Self {
        command.stdout(Stdio::piped());
        let mut child = command.spawn().expect("it is started");
        let out = child.stdout.take().expect("standard output");
        Self {
            lines: BufReader::new(out).lines(),
            child,
        }
    }

    /// The next line that it writes.
    pub async fn line(&mut self) -> String {
        let line = in_time("a line", self.lines.next_line()).await;
        line.expect("text").expect("it goes on")
    }
}

#[expect(
    clippy::return_self_not_must_use,
    reason = "most often the check is all that is wanted"
)]
impl Ran {
    /// The same, of a command that must have succeeded.
    pub fn succeeded(self) -> Self {
        assert_eq!(self.status, 0, "{self:?}");
        self
    }

    /// The same, of a command that must have failed with this status and, as it says, this code.
    pub fn failed(self, status: i32, code: &str) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.err.contains(code), "{self:?}");
        self
    }
}

fn ran(output: Output) -> Ran {
    Ran {
        status: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        bytes: output.stdout,
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
