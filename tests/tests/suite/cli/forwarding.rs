//! Ports of spaces on this machine.

use serde_json::{Value, json};
use spaceport_tests::{Cli, Client, Database, Home, Installation, in_time};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends back what it gets on port 9000, and serves a page on port 8000 of all addresses and another
/// one on port 8001 of loopback alone.
const SERVES: &str = "mkdir -p /tmp/a /tmp/b; echo everywhere > /tmp/a/index.html; \
    echo loopback > /tmp/b/index.html; httpd -p 127.0.0.1:8001 -h /tmp/b; \
    nc -ll -p 9000 -e cat & exec httpd -f -p 8000 -h /tmp/a";

async fn running(home: &Home, name: &str) -> (Client, Cli, String) {
    let admin = home.admin().await;
    let command = json!(["sh", "-c", SERVES]);
    let blueprint = json!({ "command": command, "features": ["PORT_FORWARD"] });
    let template = admin.create_template(name, blueprint).await;
    let user = admin.create_user(name, json!({})).await;
    let space = user.run_space(&template, "lab").await;
    let cli = Cli::of(home, &user);
    (user, cli, space)
}

/// The page at a local port; empty while nobody answers.
async fn page(address: &str) -> String {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.get(format!("http://{address}/")).send().await;
    match answer {
        Ok(answer) => answer.text().await.unwrap_or_default(),
        Err(_) => String::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_ports_are_reached_over_one_connection_and_half_closed_ones_answer() {
    let home = Installation::shared(Database::Sqlite).await;
    let (user, cli, space) = running(&home, "cli-forward").await;
    let mut forward = cli.start(&[
        "forward",
        "lab",
        "0:8000",
        "127.0.0.1:0:8001",
        "0:9000",
        "--json",
    ]);
    let mut addresses = Vec::new();
    for port in [8000, 8001, 9000] {
        let line: Value = serde_json::from_str(&forward.line().await).unwrap();
        assert_eq!(line["port"], port);
        addresses.push(line["address"].as_str().unwrap().to_owned());
    }
    assert_eq!(page(&addresses[0]).await, "everywhere\n");
    assert_eq!(page(&addresses[1]).await, "loopback\n");
    let sent: Vec<u8> = (0..=250_u8).cycle().take(3_000_000).collect();
    let stream = TcpStream::connect(&addresses[2]).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let copy = sent.clone();
    let writing = tokio::spawn(async move {
        write.write_all(&copy).await.unwrap();
        write.shutdown().await.unwrap();
    });
    let mut back = Vec::new();
    in_time("the echo", read.read_to_end(&mut back))
        .await
        .unwrap();
    writing.await.unwrap();
    assert_eq!(back.len(), sent.len());
    assert!(back == sent, "byte for byte");
    user.delete_space(&space).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_comes_back_with_the_edge_on_the_same_listener() {
    let home = Installation::start(Database::Sqlite).await;
    let (user, cli, space) = running(&home, "cli-comes-back").await;
    let mut forward = cli.start(&["forward", "lab", "0:8000", "--json"]);
    let line: Value = serde_json::from_str(&forward.line().await).unwrap();
    let address = line["address"].as_str().unwrap().to_owned();
    assert_eq!(page(&address).await, "everywhere\n");
    home.edge.kill();
    // It waits for the edge, rather than being refused.
    let waiting = tokio::spawn({
        let address = address.clone();
        async move { page(&address).await }
    });
    home.start_edge().await;
    assert_eq!(in_time("the page", waiting).await.unwrap(), "everywhere\n");
    home.api.kill();
    assert_eq!(page(&address).await, "everywhere\n", "without the API");
    home.start_api().await;
    user.delete_space(&space).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_forward_is_told_so() {
    let home = Installation::shared(Database::Sqlite).await;
    let (user, cli, space) = running(&home, "cli-refused").await;
    user.stop_space(&space).await;
    let stopped = cli.run(&["forward", "lab", "0:8000"]).await;
    stopped.failed(5, "spaceport space start lab");
    let absent = cli.run(&["forward", "nothing", "0:8000"]).await;
    absent.failed(4, "NOT_FOUND");
    user.delete_space(&space).await;
}
