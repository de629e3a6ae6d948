//! An edge that is replaced while visitors are there.

use std::{
    io::Read,
    os::unix::{fs::PermissionsExt, net::UnixStream},
};

use futures_util::{SinkExt, StreamExt};
use http::{Method, Request};
use spaceport_proxy::{Edge, Settings, settings::Source};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

use crate::{
    eventually,
    harness::{HOST, House, operator},
    soon,
    visitor::{as_h1, got, request},
};

fn asked(path: &str) -> Request<http_body_util::Full<bytes::Bytes>> {
    request(Method::GET, HOST, path, &[])
}

/// Waits until the edge has ended by itself.
async fn ended(edge: Edge) {
    soon(tokio::task::spawn_blocking(|| edge.wait()))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_gets_the_sockets_and_what_is_open_goes_on() {
    let mut house = House::open().await;
    let visitor = house.visitor();
    let stream = visitor.connect(HOST, &["http/1.1"]).await.unwrap();
    let url = format!("wss://{HOST}/websocket");
    let opening = tokio_tungstenite::client_async(url.into_client_request().unwrap(), stream);
    let (mut socket, _) = soon(Box::pin(opening)).await.unwrap();
    let mut h1 = visitor.h1(HOST).await;
    let first = tokio::spawn(h1.send_request(as_h1(asked("/wait"))));
    let mut h2 = visitor.h2(HOST).await;
    let second = tokio::spawn(h2.send_request(asked("/wait")));
    let mut idle = visitor.h1(HOST).await;
    let served = got(idle.send_request(as_h1(asked("/"))).await.unwrap()).await;
    assert_eq!(served.headers.get("connection"), None);
    house.space.requests(4).await;

    let old = house.replace_edge().await;
    assert_eq!(house.edge().address(), old.address());
    assert_eq!(house.edge().metrics_address(), old.metrics_address());
    // For a moment both take connections; the successor has fewer than its predecessor had.
    eventually(async || {
        assert_eq!(house.get(HOST, "/").await.status, 200);
        let (_, metrics) = operator(house.edge(), "/metrics").await;
        [1, 2].iter().any(|count| {
            let line = format!("spaceport_edge_connections_total{{protocol=\"h1\"}} {count}\n");
            metrics.contains(&line)
        })
    })
    .await;

    // A connection that was idle is good for one more request, and says that it was the last.
    let last = got(soon(idle.send_request(as_h1(asked("/")))).await.unwrap()).await;
    assert_eq!(
        (last.status, &last.headers["connection"]),
        (200, &"close".parse().unwrap())
    );
    house.space.shared.gate.open();
    house.space.shared.gate.open();
    let first = got(first.await.unwrap().unwrap()).await;
    assert_eq!(&first.body[..], b"waited");
    assert_eq!(first.headers["connection"], "close");
    let second = got(second.await.unwrap().unwrap()).await;
    assert_eq!(&second.body[..], b"waited");
    for text in ["still", "here"] {
        soon(socket.send(Message::text(text))).await.unwrap();
        let echo = soon(socket.next()).await.unwrap().unwrap();
        assert_eq!(echo, Message::text(text));
    }
    socket.close(None).await.unwrap();
    drop(socket);
    ended(old).await;
    assert_eq!(house.get(HOST, "/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_can_be_replaced_itself() {
    let mut house = House::open().await;
    let address = house.edge().address();
    for _ in 0..3 {
        let old = house.replace_edge().await;
        ended(old).await;
        assert_eq!(house.edge().address(), address);
        assert_eq!(house.get(HOST, "/").await.status, 200);
    }
    house.shut_edge_down().await;
    let socket = house.folder.path().join("edge").join("takeover.sock");
    assert!(!socket.exists(), "nothing is left where nobody is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_that_fails_changes_nothing() {
    let mut house = House::open().await;
    let socket = house.folder.path().join("edge").join("takeover.sock");
    let mode = socket.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // One that dies before it is ready.
    let mut offered = [0; 6];
    let mut dying = UnixStream::connect(&socket).unwrap();
    dying.read_exact(&mut offered).unwrap();
    drop(dying);
    // One that can't listen where it should.
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    let mut environment = house.environment();
    environment.retain(|(key, _)| *key != "SPACEPORT_EDGE_METRICS_LISTEN");
    environment.push(("SPACEPORT_EDGE_METRICS_LISTEN", taken));
    let failed = tokio::task::spawn_blocking(move || {
        let pairs = environment.iter().map(|(key, it)| (*key, it.as_str()));
        let settings = Settings::parse(&Source::new(pairs, toml::Table::new())).unwrap();
        Edge::start(&settings).is_err()
    });
    assert!(soon(failed).await.unwrap());
    assert_eq!(house.get(HOST, "/").await.status, 200);
    assert_eq!(operator(house.edge(), "/readyz").await.0, 200);
    // What happens meanwhile is saved as before, and one that works takes over.
    house.say(house.routes("STOPPED")).await;
    let old = house.replace_edge().await;
    ended(old).await;
    let answer = house.get(HOST, "/").await;
    assert_eq!(answer.code(), Some("SPACE_NOT_RUNNING"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_predecessor_that_drains_hears_of_changes_and_writes_nothing() {
    let mut house = House::open().await;
    let mut kept = house.visitor().h1(HOST).await;
    assert_eq!(
        got(kept.send_request(as_h1(asked("/"))).await.unwrap())
            .await
            .status,
        200
    );
    let old = house.replace_edge().await;
    let file = house.folder.path().join("edge").join("routes.json");
    house.shut_edge_down().await;
    std::fs::remove_file(&file).unwrap();

    let cursor = house.api.say(house.routes("STOPPED"));
    let mut changes = old.routes().changes();
    let heard = changes.wait_for(|_| old.routes().current().cursor() == Some(&cursor));
    soon(heard).await.unwrap();
    let answer = got(soon(kept.send_request(as_h1(asked("/")))).await.unwrap()).await;
    assert_eq!(answer.code(), Some("SPACE_NOT_RUNNING"));
    drop(kept);
    ended(old).await;
    assert!(!file.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_shortens_the_drain_after_a_takeover() {
    let mut house = House::open_with(&[("SPACEPORT_EDGE_DRAIN_SECONDS", "0")]).await;
    let visitor = house.visitor();
    let mut h1 = visitor.h1(HOST).await;
    let endless = tokio::spawn(h1.send_request(as_h1(asked("/wait"))));
    house.space.requests(1).await;
    let old = house.replace_edge().await;
    assert!(!endless.is_finished());
    soon(tokio::task::spawn_blocking(|| old.shutdown()))
        .await
        .unwrap();
    assert!(endless.await.unwrap().is_err());
    assert_eq!(house.get(HOST, "/").await.status, 200);
}
