//! Connections to the ports of a space (`spaceport-tcp`): the test itself is what listens there.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http2::SendRequest, ext::Protocol, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, split},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{
    harness::HOST,
    inside::{Inside, host},
    soon,
    space::closed_port,
    visitor::{Got, as_h1, got, request},
};

const TOKEN: &str = "spaceport-tcp";
/// Without a byte taken for so long, nothing is taken any more.
const STILL: Duration = Duration::from_secs(1);
type Sender = SendRequest<Full<Bytes>>;

/// A connection that knows that the edge takes extended `CONNECT`.
async fn connected(inside: &Inside, host: &str) -> Sender {
    let mut sender = inside.street.house.visitor().h2(host).await;
    let asked = request(Method::GET, host, "/.spaceport/none", &[]);
    soon(sender.send_request(asked)).await.unwrap();
    sender
}

fn connect(inside: &Inside, host: &str, fields: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let cookie = inside.cookie(host);
    let fields = [&[("cookie", cookie.as_str())], fields].concat();
    let mut request = request(Method::CONNECT, host, "/", &fields);
    let protocol = Protocol::from_static(TOKEN);
    request.extensions_mut().insert(protocol);
    request
}

async fn answer(sender: &mut Sender, request: Request<Full<Bytes>>) -> Response<Incoming> {
    soon(sender.send_request(request)).await.unwrap()
}

/// A stream of its own on an HTTP/2 connection.
async fn opened(inside: &Inside, sender: &mut Sender, host: &str) -> TokioIo<Upgraded> {
    let mut response = answer(sender, connect(inside, host, &[])).await;
    assert_eq!(response.status(), 200);
    TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap())
}

fn upgrade(inside: &Inside, host: &str, fields: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let cookie = inside.cookie(host);
    let own = [
        ("cookie", cookie.as_str()),
        ("connection", "upgrade"),
        ("upgrade", TOKEN),
    ];
    as_h1(request(Method::GET, host, "/", &[&own, fields].concat()))
}

/// A connection of HTTP/1.1 that has become one to a port.
async fn switched(inside: &Inside, host: &str) -> TokioIo<Upgraded> {
    let visitor = inside.street.house.visitor();
    let stream = visitor.connect(host, &["http/1.1"]).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection.with_upgrades());
    let mut response = soon(sender.send_request(upgrade(inside, host, &[])))
        .await
        .unwrap();
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers()["upgrade"], TOKEN);
    TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap())
}

/// Both ways carry bytes, and each ends by itself.
async fn is_a_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    mut service: TcpStream,
    size: usize,
) {
    let sent: Vec<u8> = (0..=255).cycle().take(size).collect();
    let (mut reader, mut writer) = split(stream);
    // Whoever listens speaks first.
    service.write_all(b"220 hello\r\n").await.unwrap();
    let mut greeting = [0; 11];
    soon(reader.read_exact(&mut greeting)).await.unwrap();
    assert_eq!(&greeting, b"220 hello\r\n");
    let up = async {
        writer.write_all(&sent).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let down = async {
        let mut got = Vec::new();
        service.read_to_end(&mut got).await.unwrap();
        assert!(got == sent, "all of it came, and then the end");
        // It goes on although the other direction has ended.
        service.write_all(&got).await.unwrap();
        drop(service);
    };
    let back = async {
        let mut got = Vec::new();
        reader.read_to_end(&mut got).await.unwrap();
        got
    };
    let ((), (), back) = soon(async { tokio::join!(up, down, back) }).await;
    assert!(back == sent);
}

#[tokio::test]
async fn a_connection_is_carried_both_ways_and_each_ends_by_itself() {
    let inside = Inside::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = host(listener.local_addr().unwrap().port());
    let stream = switched(&inside, &host).await;
    let (service, _) = soon(listener.accept()).await.unwrap();
    is_a_connection(stream, service, 3_000_000).await;
    let mut sender = connected(&inside, &host).await;
    let stream = opened(&inside, &mut sender, &host).await;
    let (service, _) = soon(listener.accept()).await.unwrap();
    is_a_connection(stream, service, 3_000_000).await;
    assert_eq!(inside.agent.asked(), []);
}

#[tokio::test]
async fn several_ports_share_a_connection_and_none_waits_for_another() {
    let inside = Inside::open().await;
    let listeners = [
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    ];
    let hosts = listeners
        .each_ref()
        .map(|it| host(it.local_addr().unwrap().port()));
    let mut sender = connected(&inside, &hosts[0]).await;
    // Nobody reads what the first one sends.
    let _unread = opened(&inside, &mut sender, &hosts[0]).await;
    let (mut flood, _) = soon(listeners[0].accept()).await.unwrap();
    let flood = tokio::spawn(async move { copy(&mut tokio::io::repeat(1), &mut flood).await });
    let stream = opened(&inside, &mut sender, &hosts[1]).await;
    let (service, _) = soon(listeners[1].accept()).await.unwrap();
    // As much as all of the connection has room for is with the first one, so a little must do.
    is_a_connection(stream, service, 1_000).await;
    flood.abort();
}

#[tokio::test]
async fn what_listens_at_loopback_alone_is_connected_to_by_the_agent() {
    let inside = Inside::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    inside.agent.connects_to(listener.local_addr().unwrap());
    let host = host(closed_port());
    let mut sender = connected(&inside, &host).await;
    let stream = opened(&inside, &mut sender, &host).await;
    let (service, _) = soon(listener.accept()).await.unwrap();
    is_a_connection(stream, service, 100_000).await;
    inside.agent.open_connections(0).await;
}

#[tokio::test]
async fn only_a_port_whose_number_was_asked_for_is_connected_to() {
    let inside = Inside::open().await;
    let port = inside.street.house.space.address.port();
    let nothing = host(closed_port());
    let foreign = [("origin", "https://8000--lab--mallory.apps.localhost")];
    let refusals: [(_, _, &[(&str, &str)], _); 6] = [
        ("a tunnel", HOST.to_owned(), &[], (501, "NOT_IMPLEMENTED")),
        ("the editor", host("code"), &[], (404, "UNKNOWN_HOST")),
        ("the files", host("files"), &[], (501, "NOT_IMPLEMENTED")),
        ("the terminals", host("term"), &[], (501, "NOT_IMPLEMENTED")),
        (
            "a page of a stranger",
            host(port),
            &foreign,
            (403, "CROSS_ORIGIN"),
        ),
        (
            "where nothing listens",
            nothing,
            &[],
            (502, "NOTHING_LISTENS"),
        ),
    ];
    for (what, host, fields, expected) in refusals {
        let is = |got: Got| {
            assert_eq!(
                (got.status, got.code()),
                (expected.0, Some(expected.1)),
                "{what}"
            );
        };
        let mut sender = connected(&inside, &host).await;
        is(got(answer(&mut sender, connect(&inside, &host, fields)).await).await);
        let mut sender = inside.street.house.visitor().h1(&host).await;
        is(
            got(soon(sender.send_request(upgrade(&inside, &host, fields)))
                .await
                .unwrap())
            .await,
        );
    }
    // Without a ticket.
    let host = host(port);
    let mut sender = connected(&inside, &host).await;
    let mut unknown = connect(&inside, &host, &[]);
    unknown.headers_mut().remove("cookie");
    let got = got(answer(&mut sender, unknown).await).await;
    assert_eq!((got.status, got.code()), (401, Some("SIGN_IN_REQUIRED")));
}

#[tokio::test]
async fn who_has_something_else_to_do_first_gets_everything_later() {
    // For so long a space may leave a request unread.
    let inside = Inside::open_with(&[("SPACEPORT_EDGE_SEND_SECONDS", "0.1")]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = host(listener.local_addr().unwrap().port());
    let mut sender = connected(&inside, &host).await;
    let mut stream = opened(&inside, &mut sender, &host).await;
    let (mut service, _) = soon(listener.accept()).await.unwrap();
    let (piece, mut sent_bytes) = (vec![1; 64 << 10], 0);
    while let Ok(written) = timeout(STILL, stream.write(&piece)).await {
        sent_bytes += written.unwrap();
    }
    let rest = async {
        stream.shutdown().await.unwrap();
        let mut back = Vec::new();
        stream.read_to_end(&mut back).await.unwrap();
        assert_eq!(back, b"got it");
    };
    let read = async {
        let mut got = Vec::new();
        service.read_to_end(&mut got).await.unwrap();
        assert_eq!(got.len(), sent_bytes);
        service.write_all(b"got it").await.unwrap();
        drop(service);
    };
    soon(async { tokio::join!(rest, read) }).await;
}

#[tokio::test]
async fn a_connection_ends_with_the_right() {
    let inside = Inside::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = host(listener.local_addr().unwrap().port());
    for taking in inside.takings() {
        let mut first = switched(&inside, &host).await;
        let (mut one, _) = soon(listener.accept()).await.unwrap();
        let mut sender = connected(&inside, &host).await;
        let mut second = opened(&inside, &mut sender, &host).await;
        let (mut other, _) = soon(listener.accept()).await.unwrap();
        inside.street.house.say(taking).await;
        for service in [&mut one, &mut other] {
            assert!(!matches!(soon(service.read(&mut [0])).await, Ok(1..)));
        }
        assert!(!matches!(soon(first.read(&mut [0])).await, Ok(1..)));
        assert!(!matches!(soon(second.read(&mut [0])).await, Ok(1..)));
        inside.give().await;
    }
}

#[tokio::test]
async fn a_connection_goes_on_while_a_successor_serves() {
    let mut inside = Inside::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = host(listener.local_addr().unwrap().port());
    let stream = switched(&inside, &host).await;
    let (service, _) = soon(listener.accept()).await.unwrap();
    let old = inside.street.house.replace_edge().await;
    is_a_connection(stream, service, 100_000).await;
    // And then the old one has nothing to wait for.
    soon(tokio::task::spawn_blocking(|| old.wait()))
        .await
        .unwrap();
}
