//! WebSockets on streams of an HTTP/2 connection (RFC 8441).

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http2::SendRequest, ext::Protocol, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

use crate::{
    harness::{HOST, House},
    soon,
    visitor::{Got, got, request},
};

type Sender = SendRequest<Full<Bytes>>;
type WebSocket = WebSocketStream<TokioIo<Upgraded>>;

/// A connection that knows that the edge takes extended `CONNECT`.
async fn connected(house: &House) -> Sender {
    let mut sender = house.visitor().h2(HOST).await;
    assert_eq!(get(&mut sender).await.status, 200);
    sender
}

async fn get(sender: &mut Sender) -> Got {
    let asked = request(Method::GET, HOST, "/", &[]);
    got(soon(sender.send_request(asked)).await.unwrap()).await
}

fn connect(host: &str, path: &str, protocol: &'static str) -> Request<Full<Bytes>> {
    let fields = [
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "chat, other"),
        ("sec-websocket-key", "mine"),
        ("origin", "https://example.org"),
        ("x-forwarded-for", "6.6.6.6"),
    ];
    let mut request = request(Method::CONNECT, host, path, &fields);
    let protocol = Protocol::from_static(protocol);
    request.extensions_mut().insert(protocol);
    request
}

async fn answer(sender: &mut Sender, request: Request<Full<Bytes>>) -> Response<Incoming> {
    soon(sender.send_request(request)).await.unwrap()
}

async fn opened(sender: &mut Sender) -> (WebSocket, Response<Incoming>) {
    let mut response = answer(sender, connect(HOST, "/websocket", "websocket")).await;
    assert_eq!(response.status(), 200);
    let stream = hyper::upgrade::on(&mut response).await.unwrap();
    let stream = TokioIo::new(stream);
    let socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
    (socket, response)
}

async fn echo(socket: &mut WebSocket, size: usize) {
    let message = Message::binary(vec![b'm'; size]);
    let (mut sink, mut stream) = socket.split();
    let (sent, back) = tokio::join!(sink.send(message.clone()), soon(stream.next()));
    sent.unwrap();
    assert_eq!(back.unwrap().unwrap(), message);
}

#[tokio::test]
async fn websockets_share_a_connection_with_requests_and_each_other() {
    let house = House::open().await;
    let mut sender = connected(&house).await;
    let (mut first, response) = opened(&mut sender).await;
    assert_eq!(response.headers()["x-app"], "kept");
    assert!(response.headers().contains_key("x-request-id"));
    for gone in ["sec-websocket-accept", "upgrade", "connection"] {
        assert!(!response.headers().contains_key(gone), "{gone}");
    }
    let (mut second, _) = opened(&mut sender).await;
    for size in [0, 5, 1 << 20] {
        echo(&mut first, size).await;
        echo(&mut second, size).await;
        assert_eq!(get(&mut sender).await.status, 200);
    }
    first.close(None).await.unwrap();
    while soon(first.next()).await.is_some_and(|it| it.is_ok()) {}
    echo(&mut second, 5).await;
    // Reset without a goodbye.
    drop(second);
    // What serves plain requests is kept.
    house.space.open_connections(1).await;
    assert_eq!(get(&mut sender).await.status, 200);
}

#[tokio::test]
async fn a_space_gets_the_handshake_it_would_get_by_http_1() {
    let house = House::open().await;
    let mut sender = connected(&house).await;
    let refused = answer(&mut sender, connect(HOST, "/refuse?a=%41", "websocket")).await;
    let got = got(refused).await;
    assert_eq!((got.status, got.code()), (403, None));
    let json = got.json();
    assert_eq!(
        (&json["method"], &json["version"]),
        (&"GET".into(), &"HTTP/1.1".into())
    );
    assert_eq!(json["target"], "/refuse?a=%41");
    for (name, value) in [
        ("host", HOST),
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "chat, other"),
        ("origin", "https://example.org"),
        ("x-forwarded-for", "127.0.0.1"),
    ] {
        assert_eq!(got.echoed(name), [value], "{name}");
    }
    let keys = got.echoed("sec-websocket-key");
    assert_eq!((keys.len(), keys[0].len()), (1, 24));
    assert!(got.echoed("transfer-encoding").is_empty());
}

#[tokio::test]
async fn what_is_no_websocket_is_not_opened() {
    let house = House::open().await;
    let mut sender = connected(&house).await;
    let other = "other--ada.tunnels.localhost";
    let foreign = "code--lab--ada.apps.localhost";
    let mut disagreeing = connect(HOST, "/websocket", "websocket");
    let host = other.parse().unwrap();
    disagreeing.headers_mut().insert("host", host);
    for (what, asked, status, code) in [
        (
            "another protocol",
            connect(HOST, "/websocket", "connect-udp"),
            501,
            "NOT_IMPLEMENTED",
        ),
        (
            "an unknown host",
            connect(other, "/websocket", "websocket"),
            404,
            "UNKNOWN_HOST",
        ),
        (
            "a foreign host",
            connect(foreign, "/websocket", "websocket"),
            421,
            "MISDIRECTED_REQUEST",
        ),
        ("two hosts", disagreeing, 400, "BAD_REQUEST"),
        (
            "a page",
            connect(HOST, "/", "websocket"),
            502,
            "UPSTREAM_ERROR",
        ),
        (
            "a forged proof",
            connect(HOST, "/websocket?forged", "websocket"),
            502,
            "UPSTREAM_ERROR",
        ),
    ] {
        let got = got(answer(&mut sender, asked).await).await;
        assert_eq!((got.status, got.code()), (status, Some(code)), "{what}");
    }
    let plain = Request::connect(format!("{HOST}:443"));
    let plain = plain.body(Full::default()).unwrap();
    let got = got(answer(&mut sender, plain).await).await;
    assert_eq!((got.status, got.code()), (400, Some("BAD_REQUEST")));
}

#[tokio::test]
async fn a_connection_with_a_silent_websocket_is_not_idle() {
    let house = House::open_with(&[("SPACEPORT_EDGE_IDLE_SECONDS", "0.2")]).await;
    let mut sender = connected(&house).await;
    let (mut socket, _) = opened(&mut sender).await;
    // One that is idle for as long is closed meanwhile.
    let mut idle = connected(&house).await;
    let closed = async {
        while idle.ready().await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    soon(closed).await;
    echo(&mut socket, 5).await;
}
