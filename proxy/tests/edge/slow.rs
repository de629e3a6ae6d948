//! Visitors who are slow, or many, and what they hold.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::mpsc,
};

use crate::{
    eventually,
    harness::{HOST, House, counts},
    soon,
    visitor::{as_h1, got, request},
};

#[tokio::test]
async fn a_body_that_does_not_move_is_refused_and_ends_its_connection() {
    let house = House::open_with(&[("SPACEPORT_EDGE_BODY_SECONDS", "0.2")]).await;
    let head = format!("POST / HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 10\r\n\r\nhalf");
    // It ends without anybody's doing.
    let answer = house.visitor().raw(HOST, &head).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("connection: close"));
    house.space.open_connections(0).await;
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_is_refused() {
    let house = House::open_with(&[("SPACEPORT_EDGE_BODY_SECONDS", "0.2")]).await;
    let (pieces, body) = mpsc::channel::<Result<Frame<Bytes>, std::io::Error>>(1);
    let body = futures_util::stream::unfold(body, |mut it| async {
        it.recv().await.map(|piece| (piece, it))
    });
    let mut asked = request(Method::POST, HOST, "/", &[]).map(|_| ());
    asked.headers_mut().remove("content-length");
    let asked = asked.map(|()| BodyExt::boxed_unsync(StreamBody::new(body)));
    let mut sender = house.visitor().h2(HOST).await;
    let dripping = tokio::spawn(async move {
        while pieces
            .send(Ok(Frame::data(Bytes::from_static(b"x"))))
            .await
            .is_ok()
        {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    });
    let answer = got(soon(sender.send_request(asked)).await.unwrap()).await;
    assert_eq!(
        (answer.status, answer.code()),
        (408, Some("REQUEST_TIMEOUT"))
    );
    soon(dripping).await.unwrap();
}

#[tokio::test]
async fn a_long_body_that_moves_is_not_slow() {
    let house = House::open_with(&[
        ("SPACEPORT_EDGE_BODY_SECONDS", "5"),
        ("SPACEPORT_EDGE_BODY_BYTES", "10"),
    ])
    .await;
    let mut stream = house.visitor().connect(HOST, &["http/1.1"]).await.unwrap();
    let length = 300;
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..length / 10 {
        stream.write_all(&[b'x'; 10]).await.unwrap();
        // Longer in all than any pause may be.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_stream_that_is_not_read_is_reset_and_others_on_its_connection_go_on() {
    let house = House::open_with(&[("SPACEPORT_EDGE_SEND_SECONDS", "0.3")]).await;
    let stream = house.visitor().connect(HOST, &["h2"]).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(64 << 10)
        .initial_connection_window_size(1 << 20)
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut ask = async |path: &str| {
        let asked = request(Method::GET, HOST, path, &[]);
        soon(sender.send_request(asked)).await.unwrap()
    };
    let unread = ask("/bytes?100000000").await;
    // It holds a connection into the space until it is reset.
    house.space.open_connections(1).await;
    house.space.open_connections(0).await;
    let mut body = unread.into_body();
    let cut = async {
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return true;
            }
        }
        false
    };
    assert!(soon(cut).await);
    assert_eq!(got(ask("/").await).await.status, 200);
}

/// What it is given at once is far more than it takes in all that time.
#[tokio::test]
async fn a_stream_that_is_read_slowly_goes_on_beside_one_that_is_not_read() {
    let house = House::open_with(&[("SPACEPORT_EDGE_SEND_SECONDS", "4")]).await;
    let stream = house.visitor().connect(HOST, &["h2"]).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(1 << 10)
        .initial_connection_window_size(1 << 20)
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut ask = async || {
        let asked = request(Method::GET, HOST, "/bytes?100000000", &[]);
        soon(sender.send_request(asked)).await.unwrap().into_body()
    };
    let (mut slow, mut unread) = (ask().await, ask().await);
    // Three times as long as a visitor may take nothing.
    for _ in 0..15 {
        let frame = soon(slow.frame()).await.unwrap().unwrap();
        assert!(frame.into_data().unwrap().len() <= 1 << 10);
        tokio::time::sleep(std::time::Duration::from_millis(800)).await;
    }
    // What had come before it was cut is followed by its end.
    let cut = async {
        while let Some(frame) = unread.frame().await {
            if frame.is_err() {
                return true;
            }
        }
        false
    };
    house.space.open_connections(1).await;
    assert!(soon(cut).await);
    assert!(soon(slow.frame()).await.unwrap().is_ok());
}

#[tokio::test]
async fn a_connection_that_is_not_read_is_cut() {
    let house = House::open_with(&[("SPACEPORT_EDGE_SEND_SECONDS", "0.5")]).await;
    let mut stream = house.visitor().connect(HOST, &["http/1.1"]).await.unwrap();
    let head = format!("GET /bytes?100000000 HTTP/1.1\r\nhost: {HOST}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    house.space.open_connections(1).await;
    house.space.open_connections(0).await;
    let mut rest = Vec::new();
    assert!(soon(stream.read_to_end(&mut rest)).await.is_err());
}

#[tokio::test]
async fn one_address_gets_no_more_than_its_share() {
    let house = House::open_with(&[("SPACEPORT_EDGE_MAX_CONNECTIONS_PER_ADDRESS", "2")]).await;
    let visitor = house.visitor();
    let first = visitor.connect(HOST, &["http/1.1"]).await.unwrap();
    let second = visitor.connect(HOST, &["http/1.1"]).await.unwrap();
    assert!(visitor.connect(HOST, &["http/1.1"]).await.is_err());
    counts(house.edge(), "spaceport_edge_connections_refused_total 1").await;
    // Others have theirs.
    let socket = TcpSocket::new_v4().unwrap();
    socket
        .bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0)))
        .unwrap();
    let elsewhere = socket.connect(visitor.edge).await.unwrap();
    let other = visitor.encrypt(HOST, &["http/1.1"], elsewhere).await;
    assert!(other.is_ok());
    drop((first, second));
    eventually(async || visitor.connect(HOST, &["http/1.1"]).await.is_ok()).await;
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_cut_and_keeps_nobody_waiting() {
    let house = House::open_with(&[("SPACEPORT_EDGE_HANDSHAKE_SECONDS", "2")]).await;
    let mut silent = TcpStream::connect(house.edge().address()).await.unwrap();
    assert_eq!(house.get(HOST, "/").await.status, 200);
    let mut nothing = [0];
    assert_eq!(soon(silent.read(&mut nothing)).await.unwrap_or(0), 0);
}

/// A server may close a kept connection while a request is on its way to it, and what has an effect
/// is not sent again; so it doesn't go where that is likely.
#[tokio::test]
async fn a_request_with_an_effect_does_not_go_by_a_connection_that_was_idle() {
    let house = House::open_with(&[("SPACEPORT_EDGE_UPSTREAM_FRESH_SECONDS", "0")]).await;
    let mut sender = house.visitor().h1(HOST).await;
    for (method, connections) in [
        (Method::GET, 1),
        (Method::GET, 1),
        (Method::POST, 2),
        (Method::GET, 2),
    ] {
        let asked = as_h1(request(method.clone(), HOST, "/", &[]));
        let answer = got(soon(sender.send_request(asked)).await.unwrap()).await;
        assert_eq!(answer.status, 200);
        assert_eq!(house.space.connections_so_far(), connections, "{method}");
    }
}

#[tokio::test]
async fn requests_with_effects_in_a_row_go_by_one_connection() {
    let house = House::open_with(&[("SPACEPORT_EDGE_UPSTREAM_FRESH_SECONDS", "60")]).await;
    let mut sender = house.visitor().h1(HOST).await;
    for _ in 0..3 {
        let asked = as_h1(request(Method::POST, HOST, "/", &[]));
        let answer = got(soon(sender.send_request(asked)).await.unwrap()).await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!(house.space.connections_so_far(), 1);
}
