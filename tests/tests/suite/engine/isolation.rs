//! What a space can reach.

use std::net::Ipv4Addr;

use spaceport_api::engine::Engine;
use spaceport_tests::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::rig::{Rig, container_name, host, host_output, spec};

/// Answers everybody who connects to port 7000.
const SERVE: &str = "while :; do echo hello | nc -l -p 7000; done";

/// A connection attempt from inside; it fails after two seconds.
fn dial(address: &str, port: u16) -> String {
    format!("nc -w 2 {address} {port} </dev/null")
}

async fn read_from(address: &str, port: u16) -> String {
    let mut text = String::new();
    // The server inside may not listen yet.
    eventually("a reply", async || {
        let Ok(mut stream) = TcpStream::connect((address, port)).await else {
            return false;
        };
        stream.read_to_string(&mut text).await.expect("a reply");
        true
    })
    .await;
    text.trim().to_owned()
}

#[tokio::test]
async fn the_host_reaches_spaces_and_spaces_do_not_reach_each_other() {
    let rig = Rig::new().await;
    let (server, client) = (rig.run(SERVE).await, rig.run(SERVE).await);
    let address = rig.address(server).await;
    assert_eq!(read_from(&address, 7000).await, "hello");
    let (code, output) = rig.inside(client, &dial(&address, 7000)).await;
    assert_ne!(code, 0, "{output}");
    let (code, _) = rig
        .inside(client, &format!("ping -c 1 -W 1 {address}"))
        .await;
    assert_ne!(code, 0);
    let itself = rig.address(client).await;
    assert_eq!(rig.inside(client, &dial(&itself, 7000)).await.1, "hello");
}

#[tokio::test]
async fn a_space_reaches_the_host_by_none_of_its_addresses() {
    let rig = Rig::new().await;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"the host\n").await;
        }
    });
    let container = rig.run(SERVE).await;
    // "2: eth0    inet 192.0.2.2/24 …"; the bridges of other tests come and go.
    let interfaces = host_output("ip", &["-o", "-4", "address", "show", "scope", "global"]);
    let mut addresses: Vec<&str> = interfaces
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| !words[1].starts_with("sp-") && !words[1].starts_with("br-"))
        .filter_map(|words| words[3].split('/').next())
        .collect();
    let gateway = host_output(
        "docker",
        &[
            "network",
            "inspect",
            "-f",
            "{{(index .IPAM.Config 0).Gateway}}",
            &rig.network(),
        ],
    );
    addresses.push(gateway.trim());
    assert!(addresses.len() > 1, "{addresses:?}");
    for address in addresses {
        assert_eq!(read_from(address, port).await, "the host");
        let (code, output) = rig.inside(container, &dial(address, port)).await;
        assert_ne!(code, 0, "{address}");
        assert!(!output.contains("the host"), "{address}: {output}");
    }
}

#[tokio::test]
async fn the_addresses_of_cloud_metadata_are_cut_off() {
    let rig = Rig::new().await;
    let container = rig.run(SERVE).await;
    let chain = hook_target(&rig, "DOCKER-USER");
    for (address, prefix) in [
        ("169.254.169.254", "169.254.0.0/16"),
        ("100.100.100.200", "100.100.100.200"),
    ] {
        let (code, _) = rig.inside(container, &dial(address, 80)).await;
        assert_ne!(code, 0);
        let counters = host_output("iptables", &["-w", "-nvxL", &chain]);
        let rule = counters
            .lines()
            .find(|line| line.contains(prefix) && line.contains("DROP"))
            .expect("a rule");
        let packets: u64 = rule.split_whitespace().next().unwrap().parse().unwrap();
        assert!(packets > 0, "{rule}");
    }
}

#[tokio::test]
async fn there_is_no_docker_socket_no_ipv6_and_name_resolution_works() {
    let rig = Rig::new().await;
    let spec = spec(SERVE);
    let container = rig.run_spec(&spec).await;
    let (code, _) = rig
        .inside(container, "ls /var/run/docker.sock /run/docker.sock")
        .await;
    assert_ne!(code, 0);
    let (_, addresses) = rig.inside(container, "ip address show eth0").await;
    assert!(addresses.contains("inet "), "{addresses}");
    assert!(!addresses.contains("inet6"), "{addresses}");
    let lookup = format!("nslookup {} 127.0.0.11", container_name(container));
    let (_, answer) = rig.inside(container, &lookup).await;
    assert!(answer.contains(&rig.address(container).await), "{answer}");
}

/// The chain of ours that `parent` leads to first.
fn hook_target(rig: &Rig, parent: &str) -> String {
    let rules = host_output("iptables", &["-w", "-S", parent]);
    let first = rules.lines().find(|line| line.contains(&rig.installation));
    let target = first.and_then(|line| line.split(' ').next_back());
    target.expect("a rule of ours").to_owned()
}

#[tokio::test]
async fn rules_are_put_back_in_first_place() {
    let rig = Rig::new().await;
    let rules = |parent: &str| -> Vec<String> {
        host_output("iptables", &["-w", "-S", parent])
            .lines()
            .map(str::to_owned)
            .collect()
    };
    let ours = |parent: &str| {
        let found = rules(parent);
        found
            .iter()
            .filter(|rule| rule.contains(&format!("{} ", rig.installation)))
            .count()
    };
    let before = rules(&hook_target(&rig, "INPUT"));
    assert_eq!(before.len(), 3, "{before:?}");
    let chain = hook_target(&rig, "INPUT");
    // Somebody empties the chain, as a reload of another firewall does.
    host("iptables", &["-w", "-F", &chain]);
    rig.engine.prepare().await.expect("prepared");
    assert_eq!(rules(&chain), before);
    assert_eq!((ours("INPUT"), ours("DOCKER-USER")), (1, 1));
}
