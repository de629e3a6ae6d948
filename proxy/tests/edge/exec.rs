//! Programs that are run in a space by a WebSocket.

use futures_util::{SinkExt, StreamExt};
use http::{Method, Request};
use http_body_util::Full;
use hyper::{ext::Protocol, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use spaceport_domain::agent::{Exec, Program, Service};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, protocol::Role},
};

use crate::{
    harness::counts,
    inside::{Inside, host},
    soon,
    visitor::{got, request},
};

const PATH: &str = "/api/exec";

/// By HTTP/1.1.
async fn h1(inside: &Inside) -> WebSocketStream<impl AsyncRead + AsyncWrite + Unpin + use<>> {
    h1_at(inside, PATH).await
}

/// A WebSocket to a path of the terminals' host.
pub(crate) async fn h1_at(
    inside: &Inside,
    path: &str,
) -> WebSocketStream<impl AsyncRead + AsyncWrite + Unpin + use<>> {
    h1_to(inside, "term", path, None).await
}

/// A WebSocket to a path of an app's host, for which a subprotocol may be offered.
pub(crate) async fn h1_to(
    inside: &Inside,
    app: &str,
    path: &str,
    subprotocol: Option<&'static str>,
) -> WebSocketStream<impl AsyncRead + AsyncWrite + Unpin + use<>> {
    let host = host(app);
    let mut opening = format!("wss://{host}{path}").into_client_request().unwrap();
    let cookie = inside.cookie(&host).parse().unwrap();
    opening.headers_mut().insert("cookie", cookie);
    if let Some(name) = subprotocol {
        let name = http::HeaderValue::from_static(name);
        opening.headers_mut().insert("sec-websocket-protocol", name);
    }
    let visitor = inside.street.house.visitor();
    let stream = visitor.connect(&host, &["http/1.1"]).await.unwrap();
    soon(Box::pin(client_async(opening, stream)))
        .await
        .unwrap()
        .0
}

/// On a stream of HTTP/2.
async fn h2(inside: &Inside) -> WebSocketStream<TokioIo<Upgraded>> {
    h2_to(inside, "term", PATH).await
}

/// The same for a path of an app's host.
pub(crate) async fn h2_to(
    inside: &Inside,
    app: &str,
    path: &str,
) -> WebSocketStream<TokioIo<Upgraded>> {
    let host = host(app);
    let mut sender = inside.street.house.visitor().h2(&host).await;
    let known = request(Method::GET, &host, "/.spaceport/none", &[]);
    soon(sender.send_request(known)).await.unwrap();
    let cookie = inside.cookie(&host);
    let fields = [("cookie", cookie.as_str()), ("sec-websocket-version", "13")];
    let mut connect: Request<Full<_>> = request(Method::CONNECT, &host, path, &fields);
    let protocol = Protocol::from_static("websocket");
    connect.extensions_mut().insert(protocol);
    let mut response = soon(sender.send_request(connect)).await.unwrap();
    assert_eq!(response.status(), 200);
    let stream = hyper::upgrade::on(&mut response).await.unwrap();
    WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Client, None).await
}

async fn begin<S>(socket: &mut WebSocketStream<S>, line: &str)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let exec = Exec {
        program: Program::Line(line.into()),
        ..Exec::default()
    };
    say(socket, &serde_json::to_string(&exec).unwrap()).await;
    let reply: Value = serde_json::from_str(&text(socket).await).unwrap();
    assert_eq!(reply, json!({"DONE": {"of": "BEGUN"}}));
}

async fn say<S>(socket: &mut WebSocketStream<S>, text: &str)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    socket.send(Message::text(text)).await.unwrap();
}

pub(crate) async fn text<S>(socket: &mut WebSocketStream<S>) -> String
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let message = soon(socket.next()).await.unwrap().unwrap();
    message.into_text().unwrap().as_str().to_owned()
}

/// The next message that isn't a ping.
pub(crate) async fn frame<S>(socket: &mut WebSocketStream<S>) -> Vec<u8>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match soon(socket.next()).await.unwrap().unwrap() {
            Message::Binary(frame) => return frame.to_vec(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// The code by which the edge ends it, whatever comes before that.
pub(crate) async fn end<S>(socket: &mut WebSocketStream<S>) -> u16
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        if let Message::Close(close) = soon(socket.next()).await.unwrap().unwrap() {
            return close.unwrap().code.into();
        }
    }
}

async fn runs_a_program<S>(mut socket: WebSocketStream<S>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    begin(&mut socket, "cat").await;
    // More than one frame takes.
    let sent = [&[0][..], &vec![b'a'; 100_000]].concat();
    socket.send(Message::binary(sent.clone())).await.unwrap();
    let mut back = Vec::new();
    while back.len() < sent.len() - 1 {
        let frame = frame(&mut socket).await;
        assert_eq!(frame[0], 0);
        back.extend_from_slice(&frame[1..]);
    }
    assert!(back == sent[1..]);
    socket.send(Message::binary(vec![2])).await.unwrap();
    assert_eq!(frame(&mut socket).await, b"\x01end");
    assert_eq!(frame(&mut socket).await, b"\x05{\"STATUS\":3}");
    assert_eq!(end(&mut socket).await, 1000);
}

#[tokio::test]
async fn a_program_is_run_by_http_1_and_by_http_2() {
    let inside = Inside::open().await;
    runs_a_program(h1(&inside).await).await;
    runs_a_program(h2(&inside).await).await;
    let exec = Service::Exec(Exec {
        program: Program::Line("cat".into()),
        ..Exec::default()
    });
    assert_eq!(inside.agent.asked(), [exec.clone(), exec]);
    inside.agent.open_connections(0).await;
}

#[tokio::test]
async fn whoever_is_flooded_is_heard() {
    let inside = Inside::open().await;
    let mut socket = h2(&inside).await;
    begin(&mut socket, "flood").await;
    // Nothing of it is read before: what fits in between is full.
    socket.send(Message::binary(&b"\x04INT"[..])).await.unwrap();
    // It has ended without having said how.
    assert_eq!(end(&mut socket).await, 1011);
}

#[tokio::test]
async fn what_can_not_be_run_is_said_and_ends_it() {
    let inside = Inside::open().await;
    let arguments = json!({"program": {"ARGUMENTS": ["none"]}}).to_string();
    for (asked, code, close) in [
        (arguments.as_str(), "NOT_FOUND", 4404),
        ("{", "INVALID", 1011),
        (r#"{"program":"OTHER"}"#, "INVALID", 1011),
    ] {
        let mut socket = h1(&inside).await;
        say(&mut socket, asked).await;
        let reply: Value = serde_json::from_str(&text(&mut socket).await).unwrap();
        assert_eq!(reply["REFUSED"]["code"], code, "{asked}");
        assert_eq!(end(&mut socket).await, close, "{asked}");
    }
    // The agent breaks off in the middle.
    let mut socket = h1(&inside).await;
    begin(&mut socket, "break").await;
    assert_eq!(frame(&mut socket).await, b"\x00and then");
    assert_eq!(end(&mut socket).await, 1011);
}

#[tokio::test]
async fn what_has_no_meaning_ends_it() {
    let inside = Inside::open().await;
    for (message, close) in [
        (Message::binary(vec![5, b'x']), 1002),
        (Message::binary(vec![]), 1002),
        (Message::text("x"), 1002),
        (Message::binary(vec![0; 300 << 10]), 1009),
    ] {
        let mut socket = h1(&inside).await;
        begin(&mut socket, "cat").await;
        socket.send(message).await.unwrap();
        assert_eq!(end(&mut socket).await, close);
        inside.agent.open_connections(0).await;
    }
}

#[tokio::test]
async fn a_silent_program_is_kept_by_pings_and_ends_when_its_visitor_leaves() {
    let inside = Inside::open_with(&[("SPACEPORT_EDGE_WEBSOCKET_PING_SECONDS", "0.05")]).await;
    let mut socket = h1(&inside).await;
    begin(&mut socket, "cat").await;
    for _ in 0..2 {
        let message = soon(socket.next()).await.unwrap().unwrap();
        assert!(matches!(message, Message::Ping(_)), "{message:?}");
    }
    inside.agent.open_connections(1).await;
    drop(socket);
    inside.agent.open_connections(0).await;
}

#[tokio::test]
async fn a_program_ends_with_the_right_that_let_it_be_run() {
    let inside = Inside::open().await;
    for taking in inside.takings() {
        let mut first = h1(&inside).await;
        let mut second = h2(&inside).await;
        begin(&mut first, "cat").await;
        begin(&mut second, "flood").await;
        inside.agent.open_connections(2).await;
        inside.street.house.say(taking).await;
        inside.agent.open_connections(0).await;
        assert_eq!(end(&mut first).await, 1008);
        assert_eq!(end(&mut second).await, 1008);
        inside.give().await;
    }
    counts(inside.street.house.edge(), "spaceport_edge_websockets 0").await;
}

#[tokio::test]
async fn nobody_else_runs_anything() {
    let inside = Inside::open().await;
    let host = host("term");
    let cookie = inside.cookie(&host);
    let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let version = ("sec-websocket-version", "13");
    let ticket = ("cookie", cookie.as_str());
    let cases: [(&[(&str, &str)], u16); 5] = [
        (&[key, version], 401),
        (
            &[key, version, ticket, ("origin", "https://evil.example")],
            403,
        ),
        (&[key, ("sec-websocket-version", "8"), ticket], 400),
        (&[key, ticket], 400),
        (&[key, version, ticket, ("content-length", "1")], 400),
    ];
    for (fields, status) in cases {
        let switch = [("connection", "upgrade"), ("upgrade", "websocket")];
        let asked = request(Method::GET, &host, PATH, &[&switch, fields].concat());
        let asked = crate::visitor::as_h1(asked);
        let length = fields.iter().filter(|it| it.0 == "content-length").count();
        let asked = asked.map(|_| Full::new(bytes::Bytes::from(vec![b'x'; length])));
        let mut sender = inside.street.house.visitor().h1(&host).await;
        let got = got(soon(sender.send_request(asked)).await.unwrap()).await;
        assert_eq!(got.status, status, "{fields:?}");
    }
    assert_eq!(inside.agent.asked(), []);
}
