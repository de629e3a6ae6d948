//! Copying files to spaces and from them.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use serde_json::{Value, json};
use spaceport_tests::{Cli, Client, Database, Home, Installation, eventually, in_time};
use tokio::process::Command;

const MIB: usize = 1 << 20;
/// What is to be caught in the middle of its way, and what the space has of a processor until it is.
const BIG_BYTES: usize = 192 * MIB;
const COPYING_PERCENT: u32 = 5;

async fn running(home: &Home, name: &str) -> (Client, Cli, String) {
    let admin = home.admin().await;
    let blueprint = json!({ "command": ["sleep", "100000"], "memoryMib": 512,
        "features": ["FILES", "TERMINAL"] });
    let template = admin.create_template(name, blueprint).await;
    let user = admin.create_user(name, json!({})).await;
    let space = user.run_space(&template, "lab").await;
    (user.clone(), Cli::of(home, &user), space)
}

/// Everything about a tree that a copy keeps: kind, permissions, time and content.
fn snapshot(root: &Path) -> BTreeMap<Vec<u8>, String> {
    let mut all = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        let found = fs::symlink_metadata(&path).unwrap();
        let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes();
        let is = if found.is_symlink() {
            format!("link {}", fs::read_link(&path).unwrap().display())
        } else {
            let (mode, seconds) = (found.mode() & 0o7777, found.mtime());
            let content = if found.is_dir() {
                let entries = fs::read_dir(&path).unwrap();
                open.extend(entries.map(|it| it.unwrap().path()));
                String::new()
            } else {
                format!("{:?}", fs::read(&path).unwrap())
            };
            format!("{mode:o} {seconds}.{:09} {content}", found.mtime_nsec())
        };
        all.insert(name.to_owned(), is);
    }
    all
}

fn plant(root: &Path) {
    fs::create_dir(root).unwrap();
    let file = |name: &[u8], content: &[u8], mode: u32, nanoseconds: u64| {
        let path = root.join(OsStr::from_bytes(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let time = UNIX_EPOCH + Duration::from_nanos(1_600_000_000_000_000_000 + nanoseconds);
        fs::File::open(&path).unwrap().set_modified(time).unwrap();
    };
    file(b"plain", b"plain", 0o644, 1);
    file(b"empty", b"", 0o600, 2);
    file(b"program", b"#!/bin/sh\n", 0o755, 3);
    file(b"any \xff\x01 bytes\n%2F%00?&#\\\"'", b"any", 0o640, 4);
    file("ä/ö/deep".as_bytes(), b"deep", 0o604, 5);
    file(&[b'x'; 255], b"a long name", 0o644, 6);
    file(b"..dots..", b"dots", 0o644, 7);
    let large: Vec<u8> = (0..=252_u8).cycle().take(5 * MIB).collect();
    file(b"large", &large, 0o644, 999_999_999);
    for count in 0..200_u32 {
        file(
            format!("many/{count}").as_bytes(),
            &count.to_le_bytes(),
            0o644,
            8,
        );
    }
    symlink("plain", root.join("link")).unwrap();
    symlink("/nowhere/\u{e4}", root.join("dangling")).unwrap();
    symlink("..", root.join("many/up")).unwrap();
    fs::create_dir(root.join("hollow")).unwrap();
    fs::set_permissions(root.join("ä"), fs::Permissions::from_mode(0o750)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tree_comes_back_exactly_as_it_went() {
    let home = Installation::shared(Database::Sqlite).await;
    let (user, cli, space) = running(&home, "cli-tree").await;
    let there = cli.home().join("there");
    plant(&there);
    let sent = cli.json(&["cp", "-r", "there", "lab:/tmp/tree"]).await;
    assert_eq!(sent["files"], 208);
    assert_eq!(sent["symlinks"], 3);
    let came = cli.json(&["cp", "-r", "lab:/tmp/tree", "back"]).await;
    assert_eq!(came["files"], 208);
    assert_eq!(came["bytes"], sent["bytes"]);
    let (before, after) = (snapshot(&there), snapshot(&cli.home().join("back")));
    assert_eq!(
        before.keys().collect::<Vec<_>>(),
        after.keys().collect::<Vec<_>>()
    );
    for (name, is) in &before {
        assert!(after[name] == *is, "{}", String::from_utf8_lossy(name));
    }
    // Into a directory that is there, and over what is there.
    cli.json(&["cp", "-r", "lab:/tmp/tree", "back"]).await;
    assert!(snapshot(&cli.home().join("back/tree")) == before);
    cli.json(&["cp", "-r", "there", "lab:/tmp/again"]).await;
    cli.json(&["cp", "there/plain", "there/empty", "lab:/tmp/again/many"])
        .await;
    cli.json(&["cp", "lab:/tmp/again/many/plain", "renamed"])
        .await;
    assert_eq!(fs::read(cli.home().join("renamed")).unwrap(), b"plain");
    cli.run(&["cp", "lab:/tmp/tree", "x"])
        .await
        .failed(1, "IS_A_DIRECTORY");
    cli.run(&["cp", "lab:/tmp/nothing", "x"])
        .await
        .failed(4, "NOT_FOUND");
    cli.run(&["cp", "there/plain", "lab:/nothing/x"])
        .await
        .failed(4, "NOT_FOUND");
    cli.run(&["cp", "nothing", "lab:"])
        .await
        .failed(4, "NOT_FOUND");
    user.delete_space(&space).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_writes_nowhere_but_below_its_destination() {
    let home = Installation::shared(Database::Sqlite).await;
    let (user, cli, space) = running(&home, "cli-below").await;
    let script = "mkdir -p /tmp/evil/a; echo evil > /tmp/evil/a/file; echo evil > /tmp/evil/b";
    cli.run(&["exec", "lab", "--", "sh", "-c", script])
        .await
        .succeeded();
    let outside = cli.home().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "kept").unwrap();
    // As if the space had sent links before, which its next listing calls a directory and a file.
    let inside = cli.home().join("evil");
    fs::create_dir(&inside).unwrap();
    symlink("../outside", inside.join("a")).unwrap();
    symlink("../outside/kept", inside.join("b")).unwrap();
    let refused = cli.run(&["cp", "-r", "lab:/tmp/evil", "."]).await;
    refused.failed(1, "links are not followed");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    fs::remove_file(inside.join("a")).unwrap();
    cli.run(&["cp", "-r", "lab:/tmp/evil", "."])
        .await
        .succeeded();
    assert_eq!(fs::read(inside.join("b")).unwrap(), b"evil\n");
    assert_eq!(fs::read(outside.join("kept")).unwrap(), b"kept");
    user.delete_space(&space).await;
}

/// Bytes that no compression or repetition hides a mistake in.
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(BIG_BYTES);
    while bytes.len() < BIG_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_goes_on_where_it_broke_off_when_the_edge_comes_back() {
    let home = Installation::start(Database::Sqlite).await;
    let (user, cli, space) = running(&home, "cli-resumes").await;
    let sent = noise();
    let big = cli.home().join("big");
    fs::write(&big, &sent).unwrap();

    // To the space: the command itself is killed, and run again.
    home.docker.set_cpu_percent(&space, Some(COPYING_PERCENT));
    let part = "stat -c %s /tmp/.big.spaceport-part 2>/dev/null || echo 0";
    let mut command = cli.command(&["cp", "big", "lab:/tmp/big"]);
    let mut child = command.spawn().unwrap();
    eventually("some of it has arrived", async || {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it was caught on its way"
        );
        let size = cli
            .run(&["exec", "lab", "--", "sh", "-c", part])
            .await
            .succeeded();
        size.out.trim().parse::<usize>().unwrap() > 4 * MIB
    })
    .await;
    child.kill().await.unwrap();
    home.docker.set_cpu_percent(&space, None);
    let rest = cli.json(&["cp", "big", "lab:/tmp/big"]).await;
    let rest = rest["bytes"].as_u64().unwrap();
    assert!(rest < BIG_BYTES as u64 - 4 * MIB as u64, "{rest}");

    // From the space: the edge is killed, and the command goes on by itself.
    home.docker.set_cpu_percent(&space, Some(COPYING_PERCENT));
    let copy = cli
        .command(&["cp", "lab:/tmp/big", "back", "--json"])
        .output();
    let copy = tokio::spawn(copy);
    let part: PathBuf = cli.home().join(".back.spaceport-part");
    eventually("some of it has come", async || {
        fs::metadata(&part).is_ok_and(|it| it.len() > 4 * MIB as u64)
    })
    .await;
    home.edge.kill();
    assert!(part.exists(), "it was caught on its way");
    home.docker.set_cpu_percent(&space, None);
    home.start_edge().await;
    let copied = in_time("the end of the copy", copy).await.unwrap().unwrap();
    assert!(copied.status.success(), "{copied:?}");
    let copied: Value = serde_json::from_slice(&copied.stdout).unwrap();
    assert_eq!(copied["bytes"], BIG_BYTES, "nothing came twice");
    assert!(fs::read(cli.home().join("back")).unwrap() == sent);

    // What an earlier attempt left is looked at, not believed.
    fs::write(cli.home().join(".other.spaceport-part"), vec![0; 8 * MIB]).unwrap();
    let whole = cli.json(&["cp", "lab:/tmp/big", "other"]).await;
    assert_eq!(whole["bytes"], BIG_BYTES);
    let same = Command::new("cmp")
        .arg(&big)
        .arg(cli.home().join("other"))
        .status();
    assert!(same.await.unwrap().success());
    user.delete_space(&space).await;
}
