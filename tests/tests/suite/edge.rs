//! The real edge in front of real spaces, with the API up, down and back again.

use std::{collections::BTreeSet, fs, process::Command};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use spaceport_tests::{
    BASE, BUSYBOX, Client, Database, Home, Installation, eventually, in_time, on_both_databases,
};
use tokio_tungstenite::tungstenite::Message;

use crate::lifecycle::SERVE as SERVE_AND_ECHO;

on_both_databases!(tunnels_go_on_without_the_api_and_after_a_restart_of_the_edge);

/// Serves a page on port 8000.
const SERVE: &str = "mkdir -p /tmp/www; echo 'a page' > /tmp/www/index.html; \
                     exec httpd -f -p 8000 -h /tmp/www";

async fn serving(home: &Home, name: &str) -> (Client, String) {
    let admin = home.admin().await;
    let blueprint = json!({ "image": BUSYBOX, "command": ["sh", "-c", SERVE] });
    let template = admin.create_template(name, blueprint).await;
    let user = admin.create_user(name, json!({})).await;
    let space = user.run_space(&template, name).await;
    (user, space)
}

async fn url_of(user: &Client, space: &str, port: u16) -> String {
    let tunnel = user.create_tunnel(space, port).await;
    tunnel["url"].as_str().expect("a URL").to_owned()
}

#[tokio::test]
async fn answers_of_the_edges_own_are_pages_for_browsers_and_codes_for_programs() {
    let home = Installation::shared(Database::Sqlite).await;
    let (user, space) = serving(&home, "answers").await;
    let visitor = home.visitor();
    let silent = url_of(&user, &space, 8001).await;
    let page = url_of(&user, &space, 8000).await;
    visitor
        .get_until(&page, "the page", |it| it.status == 200)
        .await;
    visitor
        .get_until(&silent, "nothing listens", |it| it.status == 502)
        .await;
    user.stop_space(&space).await;
    let (other, running) = serving(&home, "answers-too").await;
    let silent = url_of(&other, &running, 8001).await;
    visitor
        .get_until(&silent, "nothing listens", |it| it.status == 502)
        .await;
    visitor
        .get_until(&page, "not running", |it| it.status == 503)
        .await;
    let unknown = page.replace("answers-8000", "never-made");
    for (url, status, code) in [
        (&unknown, 404, "UNKNOWN_HOST"),
        (&page, 503, "SPACE_NOT_RUNNING"),
        (&silent, 502, "NOTHING_LISTENS"),
    ] {
        for (accept, content_type) in [
            ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
            ("application/json", "application/json"),
            ("*/*", "text/plain"),
        ] {
            let answer = visitor.get_with(url, &[("accept", accept)]).await;
            assert_eq!((answer.status, answer.code()), (status, code), "{accept}");
            let kind = answer.header("content-type");
            assert!(kind.starts_with(content_type), "{accept}: {kind}");
            assert!(answer.body.contains(code), "{accept}: {}", answer.body);
            // What may be otherwise soon.
            assert_eq!(answer.header("retry-after").is_empty(), status == 404);
        }
    }
}

#[tokio::test]
async fn a_deleted_tunnel_and_a_stopped_space_are_gone_for_visitors_at_once() {
    let home = Installation::shared(Database::Sqlite).await;
    let (user, space) = serving(&home, "fleeting").await;
    let visitor = home.visitor();
    let tunnel = user.create_tunnel(&space, 8000).await;
    let url = tunnel["url"].as_str().unwrap();
    let kept = url_of(&user, &space, 8001).await;
    visitor
        .get_until(url, "the page", |it| it.status == 200)
        .await;
    let input = json!({ "tunnelId": tunnel["id"] });
    user.mutate("deleteTunnel", input).await.value("tunnel");
    visitor
        .get_until(url, "an unknown host", |it| it.code() == "UNKNOWN_HOST")
        .await;
    user.ask("stopSpace", &space).await;
    visitor
        .get_until(&kept, "no space", |it| it.code() == "SPACE_NOT_RUNNING")
        .await;
}

async fn tunnels_go_on_without_the_api_and_after_a_restart_of_the_edge(database: Database) {
    let home = Installation::start(database).await;
    let admin = home.admin().await;
    let blueprint = json!({
        "image": BASE, "command": ["sh", "-c", SERVE_AND_ECHO], "memoryMib": 256,
        "volumes": [{ "name": "work", "mountPath": "/home/dev/work", "sizeGib": 1 }],
    });
    let template = admin.create_template("enduring", blueprint).await;
    let user = admin.create_user("enduring", json!({})).await;
    let space = user.run_space(&template, "enduring").await;
    let (page, echo) = (
        url_of(&user, &space, 8000).await,
        url_of(&user, &space, 9000).await,
    );
    let visitor = home.visitor();
    visitor
        .get_until(&page, "the page", |it| it.status == 200)
        .await;
    let not_yet = ["UNKNOWN_HOST", "NOTHING_LISTENS"];
    visitor
        .get_until(&echo, "the echo", |it| !not_yet.contains(&it.code()))
        .await;
    let mut socket = visitor.websocket(&echo).await;
    let mut echoes = async |text: &str| {
        socket.send(Message::text(text)).await.unwrap();
        let echo = in_time("an echo", socket.next()).await.unwrap().unwrap();
        assert_eq!(echo, Message::text(text));
    };
    echoes("before").await;

    home.api.kill();
    assert_eq!(visitor.get(&page).await.body, "the first page\n");
    assert_eq!(visitor.get_http2(&page).await.body, "the first page\n");
    echoes("without the API").await;

    // What the edge knows is on its disk about a second later.
    let copy = home.data_dir().join("edge").join("routes.json");
    eventually("the routes are saved", async || {
        fs::read_to_string(&copy).is_ok_and(|it| it.contains("enduring-8000"))
    })
    .await;
    home.edge.kill();
    home.edge.start();
    eventually("the edge listens", async || {
        tokio::net::TcpStream::connect(home.edge_address())
            .await
            .is_ok()
    })
    .await;
    assert_eq!(home.visitor().get(&page).await.body, "the first page\n");
    let unknown = page.replace("enduring-8000", "never-made");
    assert_eq!(home.visitor().get(&unknown).await.code(), "UNKNOWN_HOST");

    // What changes once the API is back reaches it.
    home.start_api().await;
    user.stop_space(&space).await;
    let gone = |it: &spaceport_tests::edge::Answer| it.code() == "SPACE_NOT_RUNNING";
    home.visitor().get_until(&page, "not running", gone).await;
}

#[tokio::test]
async fn the_edge_has_no_database_and_no_engine() {
    let home = Installation::shared(Database::Postgres).await;
    let (user, space) = serving(&home, "harmless").await;
    let url = url_of(&user, &space, 8000).await;
    home.visitor()
        .get_until(&url, "the page", |it| it.status == 200)
        .await;

    let process = format!("/proc/{}", home.edge.pid());
    let environment = fs::read(format!("{process}/environ")).unwrap();
    let environment = String::from_utf8_lossy(&environment).to_lowercase();
    for hint in ["database", "postgres", "docker"] {
        assert!(!environment.contains(hint), "{environment}");
    }
    let mut files = Vec::new();
    let mut sockets = BTreeSet::new();
    for entry in fs::read_dir(format!("{process}/fd")).unwrap() {
        let Ok(target) = fs::read_link(entry.unwrap().path()) else {
            continue;
        };
        let target = target.display().to_string();
        match target
            .strip_prefix("socket:[")
            .and_then(|it| it.strip_suffix(']'))
        {
            Some(inode) => drop(sockets.insert(inode.to_owned())),
            None => files.push(target),
        }
    }
    assert!(!sockets.is_empty());
    let database = |file: &String| file.contains(".db") || file.contains("docker");
    assert!(!files.iter().any(database), "{files:?}");
    // "u_str ESTAB 0 0 * <inode> * <inode of the peer>": it speaks with itself alone, by signals,
    // and listens for a successor.
    let unix = Command::new("ss").args(["-xH"]).output().unwrap();
    for line in String::from_utf8_lossy(&unix.stdout).lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [.., inode, _, peer] = words[..] else {
            continue;
        };
        let listens = words[1] == "LISTEN" && line.contains("/edge/takeover.sock");
        let is_ours = sockets.contains(inode);
        assert!(!is_ours || listens || sockets.contains(peer), "{line}");
    }
    // "sl local remote …": nor does it talk to Postgres by TCP.
    let postgres = std::env::var("SPACEPORT_TEST_POSTGRES_URL").unwrap();
    let port: reqwest::Url = postgres.parse().unwrap();
    let remote = format!(":{:04X}", port.port().expect("a port"));
    let tcp = fs::read_to_string(format!("{process}/net/tcp")).unwrap();
    for line in tcp.lines().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_ours = sockets.contains(words[9]);
        assert!(!(is_ours && words[2].ends_with(&remote)), "{line}");
    }
}
