//! Uploads on their way when the sign-in ends that let them through: the test itself is the space.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Method, Response, Version};
use http_body_util::{BodyExt, StreamBody};
use hyper::{
    body::{Frame, Incoming},
    client::conn::http2,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time,
};

use crate::{
    apps::{COOKIE, DEVELOPER, OWNER, Street, person},
    soon,
    visitor::{as_h1, request},
};

const BOTH: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];
/// Without a byte taken for so long, nothing is taken any more.
const STILL: Duration = Duration::from_millis(500);

/// A street whose app is the test.
async fn street() -> (Street, TcpListener) {
    let mut street = Street::open().await;
    let space = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = space.local_addr().unwrap().port();
    street.host = format!("{port}--lab--ada.apps.localhost");
    (street, space)
}

/// What a visitor posts, piece by piece, and the head of the answer.
type Post = (mpsc::UnboundedSender<Bytes>, JoinHandle<Response<Incoming>>);

/// Begins to post. By HTTP/2 the visitor takes `window_bytes` of the answer before reading it.
fn posts(street: &Street, version: Version, window_bytes: u32) -> Post {
    let visitor = street.house.visitor();
    let host = street.host.clone();
    let cookie = format!("{COOKIE}={}", street.ticket_for(OWNER, json!({})));
    let (sender, receiver) = mpsc::unbounded_channel::<Bytes>();
    let pieces = stream::unfold(receiver, |mut it| async {
        let piece = it.recv().await?;
        Some((Ok::<_, std::io::Error>(Frame::data(piece)), it))
    });
    let asked = request(Method::POST, &host, "/", &[("cookie", &cookie)])
        .map(|_| BodyExt::boxed_unsync(StreamBody::new(pieces)));
    let response = tokio::spawn(async move {
        if version == Version::HTTP_2 {
            let stream = visitor.connect(&host, &["h2"]).await.unwrap();
            let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
                .initial_stream_window_size(window_bytes)
                .handshake(TokioIo::new(stream))
                .await
                .unwrap();
            tokio::spawn(connection);
            soon(sender.send_request(asked)).await.unwrap()
        } else {
            let mut sender = visitor.h1(&host).await;
            soon(sender.send_request(as_h1(asked))).await.unwrap()
        }
    });
    (sender, response)
}

/// Reads until `piece` was read.
async fn reads(space: &mut TcpStream, piece: &str) {
    let mut seen = Vec::new();
    while !seen.windows(piece.len()).any(|it| it == piece.as_bytes()) {
        assert_ne!(soon(space.read_buf(&mut seen)).await.unwrap(), 0);
    }
}

/// The owner's sign-in ends, and with it what they send; then there is another.
async fn ends_with_the_sign_in(street: &Street, mut space: TcpStream) {
    street.house.say(person(OWNER, &DEVELOPER, &[])).await;
    let mut rest = Vec::new();
    let _ = soon(space.read_to_end(&mut rest)).await;
    assert!(
        !rest.ends_with(b"0\r\n\r\n"),
        "a body that was cut is not whole"
    );
    let again = person(OWNER, &DEVELOPER, &["session_1"]);
    street.house.say(again).await;
}

#[tokio::test]
async fn an_upload_is_cut_although_its_answer_is_not_read() {
    let (street, listener) = street().await;
    for version in BOTH {
        let (pieces, response) = posts(&street, version, 0);
        pieces.send(Bytes::from_static(b"piece")).unwrap();
        let (mut space, _) = soon(listener.accept()).await.unwrap();
        reads(&mut space, "piece").await;
        space.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let response = response.await.unwrap();
        let much = vec![b'x'; 64 << 10];
        while let Ok(written) = time::timeout(STILL, space.write(&much)).await {
            written.unwrap();
        }
        ends_with_the_sign_in(&street, space).await;
        // Neither has the visitor anything more of it, and they aren't told that it was all.
        assert!(soon(response.into_body().collect()).await.is_err());
        soon(pieces.closed()).await;
    }
}

#[tokio::test]
async fn an_upload_is_cut_although_its_answer_has_ended() {
    let (street, listener) = street().await;
    for version in BOTH {
        let (pieces, response) = posts(&street, version, 1 << 10);
        pieces.send(Bytes::from_static(b"first")).unwrap();
        let (mut space, _) = soon(listener.accept()).await.unwrap();
        reads(&mut space, "first").await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        space.write_all(answer).await.unwrap();
        let body = soon(response.await.unwrap().into_body().collect()).await;
        assert_eq!(body.unwrap().to_bytes(), "ok");
        pieces.send(Bytes::from_static(b"second")).unwrap();
        reads(&mut space, "second").await;
        ends_with_the_sign_in(&street, space).await;
    }
}
