//! The stock client of OpenSSH against the edge and against OpenSSH's own server.

use std::process::Stdio;

use tokio::process::Command;

use super::{compare, lab::Lab, time};

/// What goes through a session.
const BULK: &str = "512M";
const PEER: &str = "sshd";

/// A session that does nothing, and bytes out of and into one.
pub async fn measure(lab: &Lab) -> anyhow::Result<Vec<[String; 7]>> {
    let set_up = compare(
        async || time(lab.ssh_by_edge(&[], &["true"])).await,
        async || time(lab.ssh_by_sshd(&[], &["true"])).await,
    );
    let mut rows = vec![set_up.await?.row("ssh: a session's set-up", "ms", PEER)];
    let out = format!("head -c {BULK} /dev/zero");
    let what = format!("ssh: {BULK}iB out of the space");
    for (name, options) in [
        ("", &[][..]),
        (", aes128-gcm", &["-c", "aes128-gcm@openssh.com"]),
    ] {
        let bulk = compare(
            async || time(discarding(lab.ssh_by_edge(options, &[&out]))).await,
            async || time(discarding(lab.ssh_by_sshd(options, &[&out]))).await,
        );
        rows.push(bulk.await?.row(&format!("{what}{name}"), "ms", PEER));
    }
    let into = ["cat >/dev/null"];
    let bulk = compare(
        async || time(fed(lab.ssh_by_edge(&[], &into))).await,
        async || time(fed(lab.ssh_by_sshd(&[], &into))).await,
    );
    let what = format!("ssh: {BULK}iB into the space");
    rows.push(bulk.await?.row(&what, "ms", PEER));
    Ok(rows)
}

/// The same with its output thrown away, by a shell in between.
fn discarding(command: Command) -> Command {
    within("exec \"$@\" >/dev/null", command)
}

/// The same with bytes to read.
fn fed(command: Command) -> Command {
    within(&format!("head -c {BULK} /dev/zero | \"$@\""), command)
}

fn within(line: &str, command: Command) -> Command {
    let command = command.as_std();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", line, "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null());
    shell
}
