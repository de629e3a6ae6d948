//! Connections that are many, silent, or greedy.

use std::net::{Ipv4Addr, SocketAddr};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use spaceport_tests::{Client, Database, Home, Installation, eventually, in_time, meter};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue},
};

use super::{Wire, status};

type Socket = WebSocketStream<TcpStream>;

const PROTOCOL: &str = "graphql-transport-ws";

async fn open(home: &Home, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
    let mut request = format!("ws://{}/graphql", home.api_address()).into_client_request()?;
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).expect("a value");
        request.headers_mut().insert(*name, value);
    }
    let stream = TcpStream::connect(home.api_address()).await?;
    let opened = in_time("a WebSocket", Box::pin(client_async(request, stream)));
    opened.await.map(|(socket, _)| socket)
}

async fn say(socket: &mut Socket, message: Value) -> bool {
    let text = Message::text(message.to_string());
    in_time("a message is sent", socket.send(text))
        .await
        .is_ok()
}

/// The next message, or the code that the socket was closed with.
async fn hear(socket: &mut Socket) -> Result<Value, Option<u16>> {
    loop {
        match in_time("a message", socket.next()).await {
            Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("JSON")),
            Some(Ok(Message::Close(frame))) => return Err(frame.map(|it| it.code.into())),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(None),
        }
    }
}

async fn initialised(home: &Home, client: &Client) -> Socket {
    let mut socket = open(home, &[("sec-websocket-protocol", PROTOCOL)])
        .await
        .expect("a WebSocket");
    let payload = json!({ "authorization": format!("Bearer {}", client.token()) });
    say(
        &mut socket,
        json!({ "type": "connection_init", "payload": payload }),
    )
    .await;
    assert_eq!(
        hear(&mut socket).await.expect("a message")["type"],
        "connection_ack"
    );
    socket
}

fn subscribe(id: impl ToString, query: &str) -> Value {
    json!({ "type": "subscribe", "id": id.to_string(), "payload": { "query": query } })
}

/// A connection from another of this machine's addresses.
async fn from_elsewhere(home: &Home) -> Wire {
    let socket = TcpSocket::new_v4().expect("a socket");
    let elsewhere = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0));
    socket.bind(elsewhere).expect("an address of the loopback");
    let connected = socket.connect(home.api_address()).await;
    Wire(connected.expect("the API listens"))
}

#[tokio::test]
async fn only_pages_of_this_host_open_websockets() {
    let home = Installation::shared(Database::Sqlite).await;
    let own = format!("http://{}", home.api_address());
    for (origin, allowed) in [
        (own.as_str(), true),
        ("https://evil.example.com", false),
        ("http://localhost.evil.example.com", false),
        ("null", false),
    ] {
        let headers = [("sec-websocket-protocol", PROTOCOL), ("origin", origin)];
        match open(&home, &headers).await {
            Ok(_) => assert!(allowed, "{origin}"),
            Err(Error::Http(answer)) => {
                assert_eq!(
                    (answer.status().as_u16(), allowed),
                    (403, false),
                    "{origin}"
                );
            }
            Err(other) => panic!("{origin}: {other}"),
        }
    }
}

#[tokio::test]
async fn a_websocket_must_speak_the_protocol_and_say_who_it_is() {
    let home = Installation::shared(Database::Sqlite).await;
    let mut unknown = open(&home, &[]).await.expect("a WebSocket");
    assert_eq!(hear(&mut unknown).await, Err(Some(4406)));
    let mut silent = open(&home, &[("sec-websocket-protocol", PROTOCOL)])
        .await
        .expect("a WebSocket");
    assert_eq!(hear(&mut silent).await, Err(Some(4408)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_operations_on_one_connection_are_refused_and_cost_little() {
    const OPERATIONS: usize = 3_000;
    const RUNNING: usize = 100;
    let home = Installation::plan(Database::Sqlite)
        .without_edge()
        .start()
        .await;
    let admin = home.admin().await;
    let mut socket = initialised(&home, &admin).await;
    let pid = home.api.pid();
    let cost = async |socket: &mut Socket, query: &str, done: &[&str]| {
        let before = meter::read(pid);
        let mut ended = 0;
        for id in 0..OPERATIONS {
            assert!(say(socket, subscribe(id, query)).await);
            // Read as it comes, so that the two sides don't wait for each other.
            while ended < id / 2 {
                let message = hear(socket).await.expect("it stays open");
                ended += usize::from(done.contains(&message["type"].as_str().unwrap_or_default()));
            }
        }
        while ended < OPERATIONS {
            let message = hear(socket).await.expect("it stays open");
            ended += usize::from(done.contains(&message["type"].as_str().unwrap_or_default()));
        }
        let after = meter::read(pid);
        (
            f64::from(after.cpu_ticks - before.cpu_ticks).max(1.0),
            after.rss_kib,
        )
    };
    let (trivial, rss_before) =
        cost(&mut socket, "{ viewer { id } }", &["complete", "error"]).await;
    // Each says one thing: its first event, or that it is one too many.
    let endless = "subscription { quotaChanged { spaces { used } } }";
    let (refused, rss_after) = cost(&mut socket, endless, &["next", "error"]).await;
    assert!(refused < trivial * 3.0, "{refused} ticks against {trivial}");
    assert!(
        rss_after < rss_before * 2,
        "from {rss_before} KiB to {rss_after} KiB"
    );
    assert!(say(&mut socket, subscribe("one more", endless)).await);
    let refusal = hear(&mut socket).await.expect("a message");
    assert_eq!(
        refusal["payload"][0]["extensions"]["code"],
        "TOO_MANY_OPERATIONS"
    );
    for id in 0..RUNNING {
        say(
            &mut socket,
            json!({ "type": "complete", "id": id.to_string() }),
        )
        .await;
    }
    assert!(say(&mut socket, subscribe("at last", endless)).await);
    assert_eq!(hear(&mut socket).await.expect("a message")["type"], "next");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_reads_is_cut_off_and_holds_little() {
    let plan = Installation::plan(Database::Sqlite).without_edge();
    let home = plan.set("SPACEPORT_API_SEND_SECONDS", "1").start().await;
    let admin = home.admin().await;
    let types =
        "{ __schema { types { name description fields { name description type { name } } } } }";
    admin.query(types, json!({})).await;
    let pid = home.api.pid();
    let before = meter::read(pid).rss_kib;
    let mut socket = initialised(&home, &admin).await;
    eventually("it is cut off", async || {
        !say(&mut socket, subscribe(uuid::Uuid::now_v7(), types)).await
    })
    .await;
    let after = meter::read(pid).rss_kib;
    assert!(after < before * 2, "from {before} KiB to {after} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_gets_no_more_than_its_share_of_connections() {
    const SHARE: usize = 50;
    let plan = Installation::plan(Database::Sqlite).without_edge();
    let plan = plan.set(
        "SPACEPORT_API_MAX_CONNECTIONS_PER_ADDRESS",
        SHARE.to_string(),
    );
    let home = plan.start().await;
    let mut held = Vec::new();
    for _ in 0..SHARE {
        held.push(Wire::open(home.api_address()).await);
    }
    let mut one_more = Wire::open(home.api_address()).await;
    one_more
        .send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    assert_eq!(one_more.rest().await, "");
    let close = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut other = from_elsewhere(&home).await;
    other.send(close).await;
    assert_eq!(status(&other.rest().await), "200");
    drop(held);
    eventually("there is room again", async || {
        let mut again = Wire::open(home.api_address()).await;
        again.send(close).await && status(&again.rest().await) == "200"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_idle_connections_hold_little_and_go() {
    const CONNECTIONS: u32 = 2_000;
    let plan = Installation::plan(Database::Sqlite).without_edge();
    let home = plan.set("SPACEPORT_API_HEADER_SECONDS", "20").start().await;
    let admin = home.admin().await;
    let pid = home.api.pid();
    let before = meter::read(pid);
    let mut idle = Vec::new();
    for _ in 0..CONNECTIONS {
        idle.push(Wire::open(home.api_address()).await);
    }
    admin.query("{ viewer { id } }", json!({})).await;
    let after = meter::read(pid);
    assert!(
        after.rss_kib < before.rss_kib * 2,
        "from {} KiB to {} KiB",
        before.rss_kib,
        after.rss_kib
    );
    for mut wire in idle {
        assert_eq!(wire.rest().await, "");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_keeps_its_place_and_is_not_idle() {
    let plan = Installation::plan(Database::Sqlite).without_edge();
    let plan = plan.set("SPACEPORT_API_MAX_CONNECTIONS_PER_ADDRESS", "3");
    let home = plan.set("SPACEPORT_API_HEADER_SECONDS", "1").start().await;
    let admin = home.admin().await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        eventually("a place", async || {
            match open(&home, &[("sec-websocket-protocol", PROTOCOL)]).await {
                Ok(socket) => {
                    sockets.push(socket);
                    true
                }
                Err(_) => false,
            }
        })
        .await;
    }
    for socket in &mut sockets {
        let payload = json!({ "authorization": format!("Bearer {}", admin.token()) });
        say(
            socket,
            json!({ "type": "connection_init", "payload": payload }),
        )
        .await;
        assert_eq!(
            hear(socket).await.expect("a message")["type"],
            "connection_ack"
        );
    }
    let mut refused = Wire::open(home.api_address()).await;
    refused
        .send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    assert_eq!(refused.rest().await, "");
    // Connections that are not used end meanwhile; this one is.
    let mut elsewhere = from_elsewhere(&home).await;
    assert_eq!(elsewhere.rest().await, "");
    say(&mut sockets[0], subscribe("a", "{ __typename }")).await;
    assert_eq!(
        hear(&mut sockets[0]).await.expect("a message")["type"],
        "next"
    );
}
