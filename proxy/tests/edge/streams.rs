//! Messages between both sides, byte for byte: the test itself is the space.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Method, Request, Response, Version};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time,
};

use crate::{
    harness::{House, routes},
    soon,
    visitor::{Got, Visitor, as_h1, request},
};

const HOST: &str = "bytes--ada.tunnels.localhost";
const BOTH: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];
/// More than all buffers on the way hold together.
const BUFFERED_BYTES_MAX: usize = 16 << 20;
/// Without a byte taken for so long, nothing is taken any more.
const STILL: Duration = Duration::from_secs(1);

/// A house with a space that the test plays.
async fn house() -> (House, TcpListener) {
    let house = House::open().await;
    let space = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = space.local_addr().unwrap();
    house.say(routes(2, "RUNNING", address, HOST)).await;
    (house, space)
}

async fn accepted(space: &TcpListener) -> TcpStream {
    soon(space.accept()).await.unwrap().0
}

/// Reads until `end` was read.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut seen = Vec::new();
    while !seen.ends_with(end.as_bytes()) {
        assert_ne!(
            soon(stream.read_buf(&mut seen)).await.unwrap(),
            0,
            "{seen:?}"
        );
    }
    String::from_utf8(seen).unwrap()
}

async fn send<B>(visitor: Visitor, version: Version, request: Request<B>) -> Response<Incoming>
where
    B: Body<Data = Bytes, Error = hyper::Error> + Send + Unpin + 'static,
{
    if version == Version::HTTP_2 {
        soon(visitor.h2(HOST).await.send_request(request)).await
    } else {
        soon(visitor.h1(HOST).await.send_request(as_h1(request))).await
    }
    .unwrap()
}

/// Asks without a body; the answer comes when the space has given it.
fn asks(house: &House, version: Version, method: Method) -> JoinHandle<Got> {
    let visitor = house.visitor();
    tokio::spawn(async move { visitor.ask(version, request(method, HOST, "/", &[])).await })
}

#[tokio::test]
async fn a_response_comes_while_its_request_is_still_on_its_way() {
    let (house, space) = house().await;
    for version in BOTH {
        let (sender, receiver) = mpsc::unbounded_channel::<&str>();
        let pieces = stream::unfold(receiver, |mut it| async {
            it.recv().await.map(|piece| (piece, it))
        });
        let pieces = pieces.map(|it| Ok::<_, hyper::Error>(Frame::data(Bytes::from(it))));
        let asked = request(Method::POST, HOST, "/", &[]);
        let asked = asked.map(|_| StreamBody::new(Box::pin(pieces)));
        let response = tokio::spawn(send(house.visitor(), version, asked));
        sender.send("one").unwrap();
        let mut stream = accepted(&space).await;
        read_until(&mut stream, "\r\n\r\n3\r\none\r\n").await;
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nONE\r\n";
        stream.write_all(head).await.unwrap();
        let mut body = response.await.unwrap().into_body();
        let piece = soon(body.frame()).await.unwrap().unwrap();
        assert_eq!(piece.into_data().unwrap(), "ONE");
        sender.send("two").unwrap();
        read_until(&mut stream, "3\r\ntwo\r\n").await;
        stream.write_all(b"3\r\nTWO\r\n0\r\n\r\n").await.unwrap();
        let piece = soon(body.frame()).await.unwrap().unwrap();
        assert_eq!(piece.into_data().unwrap(), "TWO");
        drop(sender);
        assert!(soon(body.collect()).await.unwrap().to_bytes().is_empty());
    }
}

#[tokio::test]
async fn who_reads_slowly_slows_down_who_sends() {
    let (house, space) = house().await;
    for version in BOTH {
        let asked = request(Method::GET, HOST, "/", &[]).map(|_| {
            let nothing = stream::empty::<Result<Frame<Bytes>, hyper::Error>>();
            StreamBody::new(nothing)
        });
        let response = tokio::spawn(send(house.visitor(), version, asked));
        let mut stream = accepted(&space).await;
        read_until(&mut stream, "\r\n\r\n").await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let response = response.await.unwrap();
        let piece = vec![b'x'; 64 << 10];
        let mut taken_bytes = 0;
        while let Ok(written) = time::timeout(STILL, stream.write(&piece)).await {
            taken_bytes += written.unwrap();
            assert!(taken_bytes < BUFFERED_BYTES_MAX, "{version:?}");
        }
        drop(stream);
        let body = soon(response.into_body().collect()).await.unwrap();
        assert_eq!(body.to_bytes().len(), taken_bytes, "{version:?}");
    }
}

#[tokio::test]
async fn informational_responses_end_at_the_edge() {
    let (house, space) = house().await;
    for version in BOTH {
        let asked = asks(&house, version, Method::GET);
        let mut stream = accepted(&space).await;
        read_until(&mut stream, "\r\n\r\n").await;
        let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(3);
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        stream
            .write_all(format!("{hints}{answer}").as_bytes())
            .await
            .unwrap();
        let got = asked.await.unwrap();
        assert_eq!((got.status, &got.body[..]), (200, &b"ok"[..]));
        assert!(!got.headers.contains_key("link"));
    }
}

#[tokio::test]
async fn responses_without_a_body_keep_their_length_and_their_connection() {
    let (house, space) = house().await;
    for version in BOTH {
        let mut first = None;
        for (method, status, length) in [
            (Method::HEAD, 200, Some("5")),
            (Method::GET, 304, Some("5")),
            (Method::GET, 204, None),
            (Method::HEAD, 404, None),
        ] {
            let asked = asks(&house, version, method.clone());
            let mut stream = match first.take() {
                Some(stream) => stream,
                None => accepted(&space).await,
            };
            let head = read_until(&mut stream, "\r\n\r\n").await;
            assert!(head.starts_with(method.as_str()), "{head}");
            let field = length.map_or(String::new(), |it| format!("content-length: {it}\r\n"));
            let answer = format!("HTTP/1.1 {status} X\r\n{field}\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            let got = asked.await.unwrap();
            assert_eq!(got.status, status);
            // That of a 304 is for whom it helps (RFC 9110 §15.4.5), and not every version has it.
            if method == Method::HEAD {
                let told = got.headers.get("content-length");
                assert_eq!(told.map(|it| it.to_str().unwrap()), length, "{version:?}");
            }
            assert!(got.body.is_empty());
            first = Some(stream);
        }
    }
}

#[tokio::test]
async fn a_response_nobody_asked_for_goes_to_nobody() {
    let (house, space) = house().await;
    for version in BOTH {
        let asked = asks(&house, version, Method::GET);
        let mut stream = accepted(&space).await;
        read_until(&mut stream, "\r\n\r\n").await;
        let first = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst";
        let forged = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged";
        let both = format!("{first}{forged}");
        stream.write_all(both.as_bytes()).await.unwrap();
        assert_eq!(&asked.await.unwrap().body[..], b"first");
        let asked = asks(&house, version, Method::GET);
        let mut other = accepted(&space).await;
        read_until(&mut other, "\r\n\r\n").await;
        let right = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nright";
        other.write_all(right).await.unwrap();
        assert_eq!(&asked.await.unwrap().body[..], b"right");
    }
}

#[tokio::test]
async fn answers_that_can_be_read_in_two_ways_are_not_passed_on() {
    let (house, space) = house().await;
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\na",
        "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\na",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\rb\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx : a\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "junk\r\n\r\n",
    ] {
        let asked = asks(&house, Version::HTTP_2, Method::GET);
        let mut stream = accepted(&space).await;
        read_until(&mut stream, "\r\n\r\n").await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        drop(stream);
        let got = asked.await.unwrap();
        assert_eq!(
            (got.status, got.code()),
            (502, Some("UPSTREAM_ERROR")),
            "{answer}"
        );
    }
}
