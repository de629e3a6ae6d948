//! Many sessions at once.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use super::{
    flow::shared,
    forwarding::{by_proxy, converse, echo},
    town::Town,
};
use crate::{harness::counts, soon, space::closed_port};

const SESSIONS: usize = 100;

/// Many sessions that are all there at the same moment.
async fn all_at_once(town: &Town, arguments: &[&str]) {
    let children: Vec<_> = (0..SESSIONS)
        .map(|number| {
            let mut ssh = town.program("ssh");
            ssh.args(arguments)
                .args([
                    "lab",
                    &format!("echo {number}; read line; echo $line; exit 5"),
                ])
                .stdin(Stdio::piped());
            ssh.spawn().unwrap()
        })
        .collect();
    let begun = children
        .into_iter()
        .enumerate()
        .map(async |(number, mut child)| {
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let line = soon(lines.next_line()).await.unwrap();
            assert_eq!(line, Some(number.to_string()));
            (child, lines)
        });
    let begun = futures_util::future::join_all(begun).await;
    let ended = begun.into_iter().map(async |(mut child, mut lines)| {
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"and on\n").await.unwrap();
        let line = soon(lines.next_line()).await.unwrap();
        assert_eq!(line.as_deref(), Some("and on"));
        assert_eq!(soon(child.wait()).await.unwrap().code(), Some(5));
    });
    futures_util::future::join_all(ended).await;
}

#[tokio::test]
async fn a_hundred_sessions_share_one_connection() {
    let town = Town::open().await;
    let (control, mut master) = shared(&town).await;
    all_at_once(&town, &["-S", &control]).await;
    let accepted = "spaceport_edge_ssh_sign_ins_total{result=\"accepted\"} 1";
    counts(town.house.edge(), accepted).await;
    town.ssh(&["-S", &control, "-O", "exit", "lab"])
        .await
        .well();
    soon(master.wait()).await.unwrap();
}

#[tokio::test]
async fn a_hundred_connections_are_open_at_once() {
    let town = Town::open().await;
    all_at_once(&town, &[]).await;
    for what in ["connections", "channels"] {
        counts(town.house.edge(), &format!("spaceport_edge_ssh_{what} 0")).await;
    }
}

/// What VS Code's Remote-SSH does: a shell without a terminal gets a script on its input, which
/// starts a server and says where it listens; that is then reached by the same connection's proxy.
#[tokio::test]
async fn an_editor_begins_with_a_script_and_goes_on_by_the_proxy() {
    let (town, server) = (Town::open().await, echo().await);
    let port = closed_port();
    let mut ssh = town.program("ssh");
    ssh.args([
        "-T",
        "-D",
        &port.to_string(),
        "-o",
        "ConnectTimeout=15",
        "lab",
        "bash",
    ]);
    let mut child = ssh.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut script = String::from("echo 8c9b: begin\n");
    for number in 0..2000 {
        script.push_str("# a script of some length: line ");
        script.push_str(&number.to_string());
        script.push('\n');
    }
    script.push_str("unset DISPLAY; umask 022; printf 'listeningOn==%s==\\n' ");
    script.push_str(&server.port().to_string());
    script.push('\n');
    stdin.write_all(script.as_bytes()).await.unwrap();
    let line = soon(lines.next_line()).await.unwrap();
    assert_eq!(line.as_deref(), Some("8c9b: begin"));
    let line = soon(lines.next_line()).await.unwrap().unwrap();
    let found = line.strip_prefix("listeningOn==").unwrap();
    let found: u16 = found.strip_suffix("==").unwrap().parse().unwrap();
    for _ in 0..5 {
        let stream = by_proxy(port, found).await;
        let asked = b"GET /version HTTP/1.1\r\n\r\n";
        let got = converse(stream, asked).await;
        assert_eq!(got, [b"hello\n", &asked[..], b"bye\n"].concat());
    }
    drop(stdin);
    assert!(soon(child.wait()).await.unwrap().success());
}
