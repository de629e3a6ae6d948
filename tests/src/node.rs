//! The scripts of `tests/js`: reference clients and audits that are written for Node.js.

use std::{ffi::OsStr, path::PathBuf, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader},
    process::Command,
    sync::OnceCell,
    time::timeout,
};

use crate::{PATIENCE, in_time, root};

/// How a line begins in which a script asks for something.
const REQUEST: &str = "please ";
/// How long such a script may say nothing: its own checks, and what it keeps of one that failed, end
/// before.
const SILENCE: Duration = PATIENCE.saturating_mul(3);

/// Runs a script to its end, which must be a good one: what it printed is shown when it isn't.
pub async fn run(script: &str, arguments: &[&str]) {
    let (succeeded, output) = outcome(script, arguments).await;
    assert!(succeeded, "{script}:\n{output}");
}

/// Runs a script to a good end, in a network namespace of its own, whose loopback is down at first. It
/// may ask for what it can't do itself: a line of its output that begins with
/// [`REQUEST`] is given to `act`, and answered by an empty line once that is done. What it prints
/// besides is printed as it comes, so that it is there however this ends.
pub async fn converse_in_own_network(
    script: &str,
    arguments: &[&str],
    mut act: impl AsyncFnMut(&str),
) {
    let mut command = Command::new("unshare");
    command.args(["--net", "node"]);
    command.arg(directory().await.join(script)).args(arguments);
    let pipe = std::process::Stdio::piped;
    command.stdin(pipe()).stdout(pipe()).stderr(pipe());
    let mut child = command.kill_on_drop(true).spawn().expect("Node.js");
    let mut answers = child.stdin.take().expect("a pipe");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let complaints = tokio::spawn(print(child.stderr.take().expect("a pipe")));
    loop {
        let Ok(line) = timeout(SILENCE, lines.next_line()).await else {
            panic!("nothing more is heard of {script}");
        };
        let Some(line) = line.expect("a line") else {
            break;
        };
        let Some(request) = line.strip_prefix(REQUEST) else {
            println!("{line}");
            continue;
        };
        act(request).await;
        answers.write_all(b"\n").await.expect("it listens");
    }
    let status = in_time(script, child.wait()).await.expect("its end");
    complaints.await.expect("its complaints");
    assert!(status.success(), "{script}: {status}");
}

async fn print(pipe: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        println!("{line}");
    }
}

/// Runs a script to its end: whether that was a good one, and what it printed.
pub async fn outcome(script: &str, arguments: &[impl AsRef<OsStr>]) -> (bool, String) {
    let mut node = Command::new("node");
    node.arg(directory().await.join(script))
        .args(arguments)
        .kill_on_drop(true);
    let output = in_time(script, node.output()).await.expect("Node.js");
    let [out, err] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    (output.status.success(), format!("{out}{err}"))
}

/// Where the scripts are, with the packages they need.
async fn directory() -> &'static PathBuf {
    static DIRECTORY: OnceCell<PathBuf> = OnceCell::const_new();
    let make = async || {
        let made = Command::new(root().join("dev/js")).output().await;
        let made = made.expect("dev/js");
        let problems = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "dev/js: {problems}");
        String::from_utf8_lossy(&made.stdout).trim().into()
    };
    DIRECTORY.get_or_init(make).await
}
