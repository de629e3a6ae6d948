//! Who is let in, and for how long.

use std::process::Stdio;

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStdout},
};

use super::town::{DEVELOPER, Ran, Town, person};
use crate::{harness::counts, soon};

/// A client whose program runs.
async fn inside(town: &Town) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut ssh = town.program("ssh");
    let ssh = ssh.args(["lab", "echo in; read line; echo out"]);
    let mut child = ssh.stdin(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = soon(lines.next_line()).await.unwrap();
    assert_eq!(line.as_deref(), Some("in"));
    (child, lines)
}

/// Waits until a client has been told that it must go.
async fn sent_away(inside: (Child, Lines<BufReader<ChildStdout>>)) {
    let (child, mut lines) = inside;
    assert_eq!(soon(lines.next_line()).await.unwrap(), None);
    let ran = soon(child.wait_with_output()).await.unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(255), "{said}");
    assert!(said.contains("what you were let in by has ended"), "{said}");
}

#[tokio::test]
async fn who_may_not_enter_is_told_the_same_whatever_the_reason() {
    let town = Town::open().await;
    let stranger = town.make_key("stranger", "ed25519").await;
    let strange = async |host| town.ssh_as("stranger", &[host, "true"]).await;
    let unknown_key = strange("lab").await;
    assert_eq!(unknown_key.status, Some(255), "{unknown_key:?}");
    let plain = |ran: Ran| (ran.status, ran.stderr.replace("nowhere@", "lab@"));
    let unknown_key = plain(unknown_key);
    assert!(
        unknown_key.1.contains("Permission denied (publickey)"),
        "{unknown_key:?}"
    );
    assert_eq!(plain(town.ssh(&["nowhere", "true"]).await), unknown_key);
    // Somebody with a space of nobody, and with no right.
    let nobody = person(3, &DEVELOPER, &[(3, &stranger)]);
    town.house.say(nobody).await;
    assert_eq!(plain(strange("lab").await), unknown_key);
    let renamed = |ran: Ran| (ran.status, ran.stderr.replace("lab--ada@", "lab@"));
    assert_eq!(renamed(strange("lab--ada").await), unknown_key);
    let refused = "spaceport_edge_ssh_sign_ins_total{result=\"refused\"} 4";
    counts(town.house.edge(), refused).await;
    // A key takes effect with the next word about it.
    let mut space = town.space("RUNNING");
    space["sharedWith"] = json!([format!("user_{:032x}", 3)]);
    town.house.say(space).await;
    assert_eq!(strange("lab--ada").await.status, Some(0));
}

#[tokio::test]
async fn a_connection_ends_with_what_let_it_in() {
    let town = Town::open().await;
    let key = std::fs::read_to_string(town.path("ada.pub")).unwrap();
    let back = || person(1, &DEVELOPER, &[(1, key.trim())]);
    for ended in [
        person(1, &DEVELOPER, &[]),
        person(1, &[], &[(1, key.trim())]),
    ] {
        let inside = inside(&town).await;
        town.house.say(ended).await;
        sent_away(inside).await;
        assert_eq!(town.ssh(&["lab", "true"]).await.status, Some(255));
        town.house.say(back()).await;
    }
    let mut given_away = town.space("RUNNING");
    given_away["ownerId"] = format!("user_{:032x}", 2).into();
    let mut restarted = town.space("RUNNING");
    restarted["agent"]["secret"] = json!(spaceport_domain::agent::Secret::new([1; 32]));
    for ended in [town.space("STOPPING"), given_away, restarted] {
        let inside = inside(&town).await;
        town.house.say(ended).await;
        sent_away(inside).await;
        town.house.say(town.space("RUNNING")).await;
    }
    assert_eq!(town.ssh(&["lab", "echo in"]).await.well(), "in\n");
}

#[tokio::test]
async fn who_comes_to_a_space_that_does_not_run_is_told_how_to_start_it() {
    let town = Town::open().await;
    town.house.say(town.space("STOPPED")).await;
    let ran = town.ssh(&["lab", "echo in"]).await;
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(1), ""));
    let said = "spaceport: lab is stopped; to start it: spaceport space start lab\r\n";
    assert_eq!(ran.stderr, said);
    let mut bare = town.space("RUNNING");
    bare["agent"] = json!(null);
    town.house.say(bare).await;
    let ran = town.ssh(&["lab", "echo in"]).await;
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(
        ran.stderr.contains("spaceport space restart lab"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn who_is_inside_goes_on_and_others_come_in_while_the_api_is_down() {
    let mut town = Town::open().await;
    let told = async |town: &Town| town.house.api.ssh_sign_in().await;
    assert_eq!(town.ssh(&["lab", "echo in"]).await.well(), "in\n");
    let sign_in = told(&town).await;
    assert_eq!(sign_in["key"], "sshkey_00000000000000000000000000000001");
    assert_eq!(sign_in["space"], "space_00000000000000000000000000000001");
    assert_eq!(sign_in["address"], "127.0.0.1");
    let (mut child, mut lines) = inside(&town).await;
    town.house.api.stop();
    assert_eq!(town.ssh(&["lab", "echo in"]).await.well(), "in\n");
    drop(child.stdin.take());
    let line = soon(lines.next_line()).await.unwrap();
    assert_eq!(line.as_deref(), Some("out"));
}

#[tokio::test]
async fn a_successor_takes_newcomers_and_who_is_inside_stays() {
    let mut town = Town::open().await;
    let host_key = town.host_key().await;
    let (mut child, mut lines) = inside(&town).await;
    let address = town.address();
    let old = town.house.replace_edge().await;
    assert_eq!(town.address(), address);
    assert_eq!(town.host_key().await, host_key);
    assert_eq!(town.ssh(&["lab", "echo in"]).await.well(), "in\n");
    drop(child.stdin.take());
    let line = soon(lines.next_line()).await.unwrap();
    assert_eq!(line.as_deref(), Some("out"));
    assert!(soon(child.wait()).await.unwrap().success());
    soon(tokio::task::spawn_blocking(|| old.wait()))
        .await
        .unwrap();
}

#[tokio::test]
async fn the_host_key_survives_a_restart() {
    let mut town = Town::open().await;
    let host_key = town.host_key().await;
    town.house.shut_edge_down().await;
    town.house.start_edge();
    assert_eq!(town.host_key().await, host_key);
}

#[tokio::test]
async fn who_says_nothing_or_fails_too_often_is_cut() {
    let town = Town::open_with(&[
        ("SPACEPORT_SSH_SIGN_IN_SECONDS", "0.2"),
        ("SPACEPORT_SSH_FAILURES_PER_MINUTE", "2"),
    ])
    .await;
    let visit = async || {
        let mut stream = TcpStream::connect(town.address()).await.unwrap();
        let mut said = Vec::new();
        // A reset is an end, too.
        let _ = soon(stream.read_to_end(&mut said)).await;
        String::from_utf8_lossy(&said).into_owned()
    };
    for _ in 0..2 {
        assert!(visit().await.starts_with("SSH-2.0-Spaceport\r\n"));
    }
    assert_eq!(visit().await, "", "nothing more is said to them");
}

#[tokio::test]
async fn nobody_offers_keys_without_end() {
    let town = Town::open_with(&[("SPACEPORT_SSH_SIGN_IN_TRIES", "3")]).await;
    let mut arguments = Vec::new();
    town.house.say(person(1, &DEVELOPER, &[])).await;
    for number in 0..4 {
        let name = format!("stranger{number}");
        town.make_key(&name, "ed25519").await;
        arguments.extend(["-i".to_owned(), town.path(&name).display().to_string()]);
    }
    let mut ssh = town.program("ssh");
    ssh.args(&arguments);
    let ran = town.run(ssh.args(["lab", "true"])).await;
    assert!(ran.stderr.contains("Too many authentication"), "{ran:?}");
}
