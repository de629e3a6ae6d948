//! gRPC, as its reference client finds it.

use std::{net::SocketAddr, path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::{
    harness::{House, routes},
    soon,
    space::closed_port,
};

const HOST: &str = "grpc--ada.tunnels.localhost";
const SILENT: &str = "silent--ada.tunnels.localhost";
const STOPPED: &str = "stopped--ada.tunnels.localhost";
const UNKNOWN: &str = "nope--ada.tunnels.localhost";

/// A script of `tests/js`, with the packages it needs.
async fn script(name: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let made = Command::new(root.join("dev/js")).output().await.unwrap();
    let problems = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "dev/js: {problems}");
    let folder = String::from_utf8(made.stdout).unwrap();
    let mut node = Command::new("node");
    node.arg(Path::new(folder.trim()).join(name))
        .kill_on_drop(true);
    node
}

/// A gRPC server, which ends when it is dropped.
async fn server() -> (Child, SocketAddr) {
    let mut node = script("grpc-server.mjs").await;
    let mut child = node
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let port = soon(lines.next_line()).await.unwrap().unwrap();
    (
        child,
        SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap())),
    )
}

#[tokio::test]
async fn the_reference_client_and_server_of_grpc_find_all_of_it() {
    let house = House::open().await;
    let (_server, address) = server().await;
    let nobody = SocketAddr::from(([127, 0, 0, 1], closed_port()));
    house.say(routes(2, "RUNNING", address, HOST)).await;
    house.say(routes(3, "RUNNING", nobody, SILENT)).await;
    house.say(routes(4, "STOPPED", nobody, STOPPED)).await;
    let output = script("grpc-client.mjs")
        .await
        .arg(house.edge().address().to_string())
        .arg(house.edge().ca_path().unwrap())
        .args([HOST, SILENT, UNKNOWN, STOPPED])
        .output()
        .await
        .unwrap();
    let [out, err] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    assert!(output.status.success(), "{out}{err}");
}
