//! Shells, commands and terminals.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::town::{DEVELOPER, Town, person};
use crate::{eventually, soon};

#[tokio::test]
async fn a_command_runs_with_its_output_its_errors_and_its_status() {
    let town = Town::open().await;
    let ran = town.ssh(&["lab", "echo out; echo err >&2; exit 7"]).await;
    assert_eq!(ran.status, Some(7), "{ran:?}");
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        ("out\n", "err\n")
    );
    assert_eq!(
        town.ssh(&["lab--ada", "echo $((6*7))"]).await.well(),
        "42\n"
    );
    let killed = town.ssh(&["lab", "kill -TERM $$"]).await;
    assert_eq!(killed.status, Some(255), "{killed:?}");
}

#[tokio::test]
async fn every_kind_of_key_signs_in() {
    let town = Town::open().await;
    for kind in ["ecdsa", "rsa"] {
        let line = town.make_key(kind, kind).await;
        town.house.say(person(1, &DEVELOPER, &[(2, &line)])).await;
        let ran = town.ssh_as(kind, &["lab", "echo in"]).await;
        assert_eq!(ran.well(), "in\n", "{kind}");
    }
}

#[tokio::test]
async fn input_is_carried_to_its_end_and_output_after_it() {
    let town = Town::open().await;
    let mut child = town
        .program("ssh")
        .args(["lab", "cat; echo after the end"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let sent = vec![b'x'; 8 << 20];
    let writing = async {
        stdin.write_all(&sent).await.unwrap();
        drop(stdin);
    };
    let mut got = Vec::new();
    let ((), read) = soon(async { tokio::join!(writing, stdout.read_to_end(&mut got)) }).await;
    read.unwrap();
    assert!(got.starts_with(&sent));
    assert_eq!(&got[sent.len()..], b"after the end\n");
    assert!(soon(child.wait()).await.unwrap().success());
}

#[tokio::test]
async fn a_program_finds_the_environment_it_was_given() {
    let town = Town::open().await;
    let arguments = ["-o", "SetEnv=GREETING=hello", "lab"];
    let said =
        "echo $GREETING; set -- $SSH_CONNECTION; echo $1 $3 $4; set -- $SSH_CLIENT; echo $1 $3";
    let said = town.ssh(&[&arguments[..], &[said]].concat()).await.well();
    let port = town.address().port();
    let expected = format!("hello\n127.0.0.1 127.0.0.1 {port}\n127.0.0.1 {port}\n");
    assert_eq!(said, expected);
}

#[tokio::test]
async fn a_terminal_has_its_kind_and_the_modes_of_the_clients() {
    let town = Town::open().await;
    // Without a terminal of its own a client asks for one of no size.
    let command = "echo $TERM; stty size; test -t 0 && test -t 1 && test -t 2 && echo terminal";
    let mut ssh = town.program("ssh");
    ssh.args(["-tt", "lab", command]).env("TERM", "vt220");
    let said = town.run(&mut ssh).await.well().replace('\r', "");
    let lines: Vec<_> = said.lines().collect();
    assert_eq!((lines[0], lines[2]), ("vt220", "terminal"), "{said}");
}

/// `script` gives the client a terminal of its own, whose size is then changed.
#[tokio::test]
async fn a_terminal_follows_the_size_of_the_clients() {
    let town = Town::open().await;
    let remote = r#"
        resized() { stty size; [ "$(stty size)" != "40 120" ] || exit 0; }
        trap resized WINCH; stty size; while :; do sleep 0.05; done"#;
    // `stty` changes one side after the other, and each is a change of its own.
    let inner = format!(
        "stty rows 30 cols 100; tty=$(tty); \
         (until [ -e resize ]; do sleep 0.02; done; stty rows 40 cols 120 < $tty) & \
         ssh -F config -i ada -tt lab '{remote}'"
    );
    let mut command = tokio::process::Command::new("script");
    command
        .args(["-qfec", &inner, "/dev/null"])
        .env("SHELL", "/bin/bash")
        .current_dir(town.house.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut size = async || soon(lines.next_line()).await.unwrap();
    assert_eq!(size().await.as_deref().map(str::trim), Some("30 100"));
    std::fs::write(town.path("resize"), "").unwrap();
    loop {
        match size().await.expect("one more size").trim() {
            "40 100" => {}
            last => break assert_eq!(last, "40 120"),
        }
    }
    assert!(soon(child.wait()).await.unwrap().success());
}

#[tokio::test]
async fn a_shell_without_a_command_reads_its_input() {
    let town = Town::open().await;
    let mut child = town
        .program("ssh")
        .args(["-T", "lab"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"echo it is $0; exit 3\n").await.unwrap();
    drop(stdin);
    let ran = soon(child.wait_with_output()).await.unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(said.contains("it is -"), "a login shell: {said}");
    assert_eq!(ran.status.code(), Some(3));
}

#[tokio::test]
async fn what_a_program_started_ends_with_the_client() {
    let town = Town::open().await;
    let mut child = town
        .program("ssh")
        .args(["lab", "echo $$; exec sleep 1000"])
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let pid = soon(lines.next_line()).await.unwrap().unwrap();
    let is_there = || std::path::Path::new("/proc").join(&pid).exists();
    assert!(is_there());
    child.kill().await.unwrap();
    eventually(async || !is_there()).await;
}
