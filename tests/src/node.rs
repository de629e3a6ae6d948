//! The scripts of `tests/js`: reference clients and audits that are written for Node.js.

use std::{ffi::OsStr, path::PathBuf};

use tokio::{process::Command, sync::OnceCell};

use crate::{in_time, root};

/// Runs a script to its end, which must be a good one: what it printed is shown when it isn't.
pub async fn run(script: &str, arguments: &[&str]) {
    let (succeeded, output) = outcome(script, arguments).await;
    assert!(succeeded, "{script}:\n{output}");
}

/// The same in a network namespace of its own, whose loopback is down at first.
pub async fn run_in_own_network(script: &str, arguments: &[&str]) {
    let mut command = Command::new("unshare");
    command.args(["--net", "node"]);
    let (succeeded, output) = outcome_of(command, script, arguments).await;
    assert!(succeeded, "{script}:\n{output}");
}

/// Runs a script to its end: whether that was a good one, and what it printed.
pub async fn outcome(script: &str, arguments: &[impl AsRef<OsStr>]) -> (bool, String) {
    outcome_of(Command::new("node"), script, arguments).await
}

async fn outcome_of(
    mut node: Command,
    script: &str,
    arguments: &[impl AsRef<OsStr>],
) -> (bool, String) {
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
