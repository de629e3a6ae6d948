//! What a space can reach, and what it may use.

use serde_json::json;
use spaceport_tests::{Client, Database, Home, Installation, eventually};
use tokio::{io::AsyncReadExt, net::TcpStream};

/// Answers everybody who connects to port 7000, and first writes down the limits it was born with.
const SERVE: &str = "cat /proc/self/cgroup > /tmp/cgroup; \
    cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max \
        /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us \
        > /tmp/limits 2>/dev/null || \
    cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max > /tmp/limits; \
    while :; do echo hello | nc -l -p 7000; done";

async fn serving(home: &Home, name: &str) -> (Client, String) {
    let admin = home.admin().await;
    let blueprint = json!({
        "command": ["sh", "-c", SERVE], "memoryMib": 48, "pids": 33, "cpu": 0.25,
    });
    let template = admin.create_template(name, blueprint).await;
    let user = admin.create_user(name, json!({})).await;
    let space = user.run_space(&template, name).await;
    (user, space)
}

/// Where the engine put a space.
fn address(home: &Home, space: &str) -> String {
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let container = home.docker.container(space);
    home.docker.output(&["inspect", "-f", format, &container])
}

/// The gateway of the spaces' network: the host's address that is nearest to a space.
fn gateway(home: &Home) -> String {
    let network = format!("spaceport-{}", home.name());
    let format = "{{(index .IPAM.Config 0).Gateway}}";
    home.docker
        .output(&["network", "inspect", "-f", format, &network])
}

/// Whether a space gets a connection to `port` at `address`; it fails after two seconds.
fn reaches(home: &Home, space: &str, address: &str, port: u16) -> bool {
    let dial = format!("nc -w 2 {address} {port} </dev/null");
    home.docker.inside(space, &dial).0
}

async fn host_reads(address: &str) -> String {
    let mut text = String::new();
    let mut stream = None;
    // The server inside may not listen yet, or just now not again.
    eventually("it listens", async || {
        stream = TcpStream::connect((address, 7000)).await.ok();
        stream.is_some()
    })
    .await;
    let mut stream = stream.expect("a connection");
    stream.read_to_string(&mut text).await.expect("a text");
    text.trim().to_owned()
}

#[tokio::test]
async fn a_space_reaches_no_other_space() {
    let home = Installation::shared(Database::Sqlite).await;
    let (_, one) = serving(&home, "neighbour-one").await;
    let (_, two) = serving(&home, "neighbour-two").await;
    let there = address(&home, &two);
    let read = spaceport_tests::in_time("an answer", host_reads(&there)).await;
    assert_eq!(read, "hello", "it listens");
    assert!(!reaches(&home, &one, &there, 7000));
    let own = address(&home, &one);
    let itself = home
        .docker
        .read_inside(&one, &format!("nc -w 2 {own} 7000 </dev/null"));
    assert_eq!(itself, "hello");
}

#[tokio::test]
async fn a_space_reaches_neither_the_api_nor_the_edge_nor_the_engine() {
    // As an operator might do it. Where they listen on loopback alone, nobody gets so far.
    let plan = Installation::plan(Database::Sqlite).on_all_addresses();
    let home = plan.start().await;
    let (_, space) = serving(&home, "prisoner").await;
    let gateway = gateway(&home);
    for (what, address) in [
        ("API", home.api_address()),
        ("edge", home.edge_address()),
        ("edge's status", home.metrics_address()),
    ] {
        let port = address.port();
        let from_host = TcpStream::connect((&*gateway, port)).await;
        assert!(from_host.is_ok(), "the {what} listens there");
        assert!(!reaches(&home, &space, &gateway, port), "the {what}");
        assert!(!reaches(&home, &space, "127.0.0.1", port), "the {what}");
    }
    for address in ["169.254.169.254", "100.100.100.200"] {
        assert!(!reaches(&home, &space, address, 80), "{address}");
    }
    for port in [2375, 2376] {
        assert!(!reaches(&home, &space, &gateway, port));
    }
    let sockets = "ls /var/run/docker.sock /run/docker.sock /run/containerd";
    assert!(!home.docker.inside(&space, sockets).0);
    let mounts = home.docker.read_inside(&space, "cat /proc/self/mounts");
    assert!(!mounts.contains("docker.sock"), "{mounts}");
}

#[tokio::test]
async fn limits_hold_before_the_first_process_of_a_space() {
    let home = Installation::shared(Database::Sqlite).await;
    let (_, space) = serving(&home, "limited").await;
    let limits = home.docker.read_inside(&space, "cat /tmp/limits");
    let limits: Vec<&str> = limits.split_whitespace().collect();
    assert_eq!(limits, ["50331648", "33", "25000", "100000"]);
    // What the first process saw is what it has.
    let capabilities = home
        .docker
        .read_inside(&space, "grep CapBnd /proc/1/status");
    for (number, name) in [
        (12, "NET_ADMIN"),
        (13, "NET_RAW"),
        (21, "SYS_ADMIN"),
        (27, "MKNOD"),
    ] {
        let mask = capabilities.split_whitespace().nth(1).unwrap();
        let mask = u64::from_str_radix(mask, 16).unwrap();
        assert_eq!(mask & (1 << number), 0, "{name}: {capabilities}");
    }
    let (_, forked) = home
        .docker
        .inside(&space, "for i in $(seq 60); do sleep 5 & done; wait");
    assert!(forked.contains("fork"), "{forked}");
}
