//! What waits doesn't keep other things waiting.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::town::Town;
use crate::{eventually, soon};

/// A client that shares one connection with others.
pub(super) async fn shared(town: &Town) -> (String, tokio::process::Child) {
    let control = town.path("control").display().to_string();
    let mut master = town.program("ssh");
    let master = master
        .args(["-N", "-M", "-S", &control, "lab"])
        .spawn()
        .unwrap();
    let check = ["-S", control.as_str(), "-O", "check", "lab"];
    eventually(async || town.ssh(&check).await.status == Some(0)).await;
    (control, master)
}

#[tokio::test]
async fn a_program_that_takes_nothing_holds_nobody_up() {
    let town = Town::open().await;
    let (control, _master) = shared(&town).await;
    let mut stuck = town.program("ssh");
    let mut stuck = stuck
        .args(["-S", &control, "lab", "echo there; sleep 1000"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (stuck.stdin.take().unwrap(), stuck.stdout.take().unwrap());
    soon(stdout.read_exact(&mut [0; 6])).await.unwrap();
    // More than any kernel on the way keeps for itself.
    soon(stdin.write_all(&vec![0; 8 << 20])).await.unwrap();
    let said = town.ssh(&["-S", &control, "lab", "echo on"]).await.well();
    assert_eq!(said, "on\n");
    stuck.kill().await.unwrap();
}

#[tokio::test]
async fn a_channel_whose_input_stands_full_is_closed_and_the_others_go_on() {
    let town = Town::open_with(&[
        ("SPACEPORT_SSH_BUFFER_KIB", "64"),
        ("SPACEPORT_SSH_STALL_SECONDS", "0.5"),
    ])
    .await;
    let (control, _master) = shared(&town).await;
    let mut stuck = town.program("ssh");
    let mut stuck = stuck
        .args(["-S", &control, "lab", "echo there; sleep 1000"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (stuck.stdin.take().unwrap(), stuck.stdout.take().unwrap());
    soon(stdout.read_exact(&mut [0; 6])).await.unwrap();
    // It breaks off with the channel.
    let _ = soon(stdin.write_all(&vec![0; 64 << 20])).await;
    assert!(!soon(stuck.wait()).await.unwrap().success());
    let said = town.ssh(&["-S", &control, "lab", "echo on"]).await.well();
    assert_eq!(said, "on\n");
}

/// Input waits until output is read, and output until input goes on: as many as can wait.
#[tokio::test]
async fn what_goes_in_and_out_of_a_program_never_stands_still() {
    let town = Town::open_with(&[("SPACEPORT_SSH_BUFFER_KIB", "64")]).await;
    let mut child = town.program("ssh");
    let mut child = child
        .args(["lab", "cat"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let sent = vec![b'x'; 32 << 20];
    let writing = async {
        stdin.write_all(&sent).await.unwrap();
        drop(stdin);
    };
    let reading = async {
        let mut got = Vec::new();
        stdout.read_to_end(&mut got).await.unwrap();
        got
    };
    let ((), got) = soon(async { tokio::join!(writing, reading) }).await;
    assert!(got == sent);
}

#[tokio::test]
async fn a_client_that_reads_nothing_holds_nobody_up() {
    let town = Town::open().await;
    let (control, _master) = shared(&town).await;
    let mut flooded = town.program("ssh");
    let mut flooded = flooded
        .args(["-S", &control, "lab", "cat /dev/zero"])
        .spawn()
        .unwrap();
    let mut stdout = flooded.stdout.take().unwrap();
    soon(stdout.read_exact(&mut vec![0; 64 << 10]))
        .await
        .unwrap();
    for _ in 0..20 {
        let said = town.ssh(&["-S", &control, "lab", "echo on"]).await.well();
        assert_eq!(said, "on\n");
    }
    flooded.kill().await.unwrap();
}

/// The client wants new keys all the time, in the middle of data both ways.
#[tokio::test]
async fn keys_are_exchanged_anew_while_everything_goes_on() {
    let town = Town::open().await;
    let mut child = town.program("ssh");
    let mut child = child
        .args(["-o", "RekeyLimit=1M", "lab", "cat"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let sent: Vec<u8> = (0..16 << 20).map(|at: u32| at.to_le_bytes()[1]).collect();
    let writing = async {
        stdin.write_all(&sent).await.unwrap();
        drop(stdin);
    };
    let reading = async {
        let mut got = Vec::new();
        stdout.read_to_end(&mut got).await.unwrap();
        got
    };
    let ((), got) = soon(async { tokio::join!(writing, reading) }).await;
    assert!(got == sent);
    assert!(soon(child.wait()).await.unwrap().success());
}

#[tokio::test]
async fn a_client_that_gives_no_sign_of_life_is_cut_if_that_is_wanted() {
    let town = Town::open_with(&[("SPACEPORT_SSH_KEEPALIVE_SECONDS", "1")]).await;
    let mut ssh = town.program("ssh");
    let mut child = ssh
        .args(["lab", "echo $$; exec sleep 1000"])
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let pid = soon(lines.next_line()).await.unwrap().unwrap();
    // It answers for as long as it can, and so isn't cut after three signs of life that fail to come.
    assert_eq!(town.ssh(&["lab", "sleep 6; echo on"]).await.well(), "on\n");
    assert!(is_there(&pid));
    let stop = ["-STOP", &child.id().unwrap().to_string()];
    let stopped = tokio::process::Command::new("kill").args(stop).status();
    assert!(stopped.await.unwrap().success());
    eventually(async || !is_there(&pid)).await;
    child.kill().await.unwrap();
}

fn is_there(pid: &str) -> bool {
    std::path::Path::new("/proc").join(pid).exists()
}
