//! The program itself: its options, its settings, its signals, its memory.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use http::{Method, Version};

use crate::{
    harness::{HOST, House},
    visitor::{Visitor, request},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_spaceport-proxy");

/// A running program; it ends when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the program, and waits until it says where it listens.
fn start(house: &House) -> (Running, Visitor) {
    let mut child = Command::new(PROGRAM)
        .env_clear()
        .envs(house.environment())
        .env("SPACEPORT_LOG_FORMAT", "json")
        .current_dir(house.folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let running = Running(child);
    let address = lines
        .by_ref()
        .map(|it| serde_json::from_str::<serde_json::Value>(&it.unwrap()).unwrap())
        .find_map(|it| it["fields"]["address"].as_str().map(str::to_owned))
        .expect("it says where it listens");
    // Its log must not fill the pipe.
    std::thread::spawn(|| lines.for_each(drop));
    let ca = house.folder.path().join("ca").join("ca.pem");
    (running, Visitor::new(address.parse().unwrap(), &ca))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_serves_until_a_signal_and_then_ends_well() {
    let mut house = House::open().await;
    house.shut_edge_down().await;
    let (mut running, visitor) = start(&house);
    assert_eq!(visitor.get(HOST, "/").await.status, 200);
    let pid = running.0.id().to_string();
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &pid]).status();
        assert!(sent.unwrap().success());
    };
    // Certificates are read again, of which there are none here.
    signal("-HUP");
    assert_eq!(visitor.get(HOST, "/").await.status, 200);
    signal("-TERM");
    assert!(running.0.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_take_no_memory() {
    let mut house = House::open().await;
    house.shut_edge_down().await;
    let (running, visitor) = start(&house);
    let peak_kib = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", running.0.id())).unwrap();
        let line = status.lines().find(|it| it.starts_with("VmHWM")).unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    visitor.get(HOST, "/").await;
    let before = peak_kib();
    let length = 96 << 20;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let path = format!("/bytes?{length}");
        let got = visitor
            .ask(version, request(Method::GET, HOST, &path, &[]))
            .await;
        assert_eq!(got.body.len(), length);
    }
    let grown = peak_kib() - before;
    assert!(grown < 16 << 10, "{grown} KiB more");
}

#[test]
fn every_wrong_setting_is_named_before_anything_starts() {
    let run = |arguments: &[&str]| {
        Command::new(PROGRAM)
            .args(arguments)
            .env_clear()
            .env("SPACEPORT_EDGE_LISTEN", "here")
            .env("SPACEPORT_TUNNEL_DOMAIN", "a b")
            .current_dir(std::env::temp_dir())
            .output()
            .unwrap()
    };
    let refused = run(&[]);
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success());
    assert!(text.contains("SPACEPORT_EDGE_LISTEN") && text.contains("SPACEPORT_TUNNEL_DOMAIN"));
    let version = run(&["--version"]);
    assert!(version.status.success());
    let text = String::from_utf8(version.stdout).unwrap();
    assert_eq!(
        text.trim(),
        concat!("spaceport-proxy ", env!("CARGO_PKG_VERSION"))
    );
}
