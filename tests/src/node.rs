//! The scripts of `tests/js`: reference clients and audits that are written for Node.js.

use std::{ffi::OsStr, path::PathBuf};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::Command,
    sync::OnceCell,
};

use crate::{in_time, root};

/// How a line begins in which a script asks for something.
const REQUEST: &str = "please ";

/// Runs a script to its end, which must be a good one: what it printed is shown when it isn't.
pub async fn run(script: &str, arguments: &[&str]) {
    let (succeeded, output) = outcome(script, arguments).await;
    assert!(succeeded, "{script}:\n{output}");
}

/// Runs a script to a good end, in a network namespace of its own, whose loopback is down at first. It
/// may ask for what it can't do itself: a line of its output that begins with
/// [`REQUEST`] is given to `act`, and answered by an empty line once that is done. Gives what it
/// printed besides.
pub async fn converse_in_own_network(
    script: &str,
    arguments: &[&str],
    mut act: impl AsyncFnMut(&str),
) -> String {
    let mut command = Command::new("unshare");
    command.args(["--net", "node"]);
    command.arg(directory().await.join(script)).args(arguments);
    let pipe = std::process::Stdio::piped;
    command.stdin(pipe()).stdout(pipe()).stderr(pipe());
    let mut child = command.kill_on_drop(true).spawn().expect("Node.js");
    let mut answers = child.stdin.take().expect("a pipe");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut errors = child.stderr.take().expect("a pipe");
    let complaints = tokio::spawn(async move {
        let mut text = String::new();
        let _ = errors.read_to_string(&mut text).await;
        text
    });
    let mut printed = String::new();
    while let Some(line) = in_time(script, lines.next_line()).await.expect("a line") {
        if let Some(request) = line.strip_prefix(REQUEST) {
            act(request).await;
            answers.write_all(b"\n").await.expect("it listens");
        } else {
            printed.push_str(&line);
            printed.push('\n');
        }
    }
    let status = in_time(script, child.wait()).await.expect("its end");
    let complaints = complaints.await.expect("its complaints");
    assert!(status.success(), "{script}:\n{printed}{complaints}");
    printed
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
