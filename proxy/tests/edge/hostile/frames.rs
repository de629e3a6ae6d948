//! Requests by HTTP/2 that HTTP/1.1 would read otherwise, and floods.

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Method, Version};
use http_body_util::Full;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use super::{RAW_HOST as HOST, Yard};
use crate::{
    soon,
    visitor::{got, request},
};

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
const RESET: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
/// Frames of a flood that nobody needs to read to the end.
const FLOOD: usize = 20_000;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Fields as they are, each a literal that is never indexed (RFC 7541 §6.2.3).
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0x10);
        for text in [name, value] {
            match text.len() {
                short @ ..127 => block.push(u8::try_from(short).unwrap()),
                long => {
                    let rest = long - 127;
                    assert!(rest < 128 * 128, "one or two bytes are enough");
                    block.push(127);
                    block.push(u8::try_from(rest % 128).unwrap() | 128);
                    block.push(u8::try_from(rest / 128).unwrap());
                }
            }
            block.extend(text.chars().map(|it| u8::try_from(u32::from(it)).unwrap()));
        }
    }
    block
}

const PLAIN: [(&str, &str); 4] = [
    (":method", "POST"),
    (":scheme", "https"),
    (":authority", HOST),
    (":path", "/a"),
];

/// [`PLAIN`] with one field another.
fn with(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut fields = PLAIN.to_vec();
    match fields.iter_mut().find(|it| it.0 == name) {
        Some(field) => field.1 = value,
        None => fields.push((name, value)),
    }
    fields
}

/// What the edge said of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// The first byte of a response's head: 0x88 is status 200 in HPACK's table.
    Answered(u8),
    Reset,
    Closed,
}

async fn connected(yard: &Yard) -> TlsStream<TcpStream> {
    let mut stream = yard.house.visitor().connect(HOST, &["h2"]).await.unwrap();
    stream.write_all(PREFACE).await.unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    stream
}

/// Reads until something is said of stream 1.
async fn said(stream: &mut TlsStream<TcpStream>) -> Said {
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).await.is_err() {
            return Said::Closed;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        if stream.read_exact(&mut payload).await.is_err() {
            return Said::Closed;
        }
        match head[3] {
            HEADERS => return Said::Answered(payload[0]),
            RESET => return Said::Reset,
            GOAWAY => return Said::Closed,
            _ => {}
        }
    }
}

async fn asked(yard: &Yard, fields: &[(&str, &str)], body: &[u8]) -> Said {
    let mut stream = connected(yard).await;
    let head = frame(HEADERS, END_HEADERS, 1, &block(fields));
    stream.write_all(&head).await.unwrap();
    let _ = stream.write_all(&frame(DATA, END_STREAM, 1, body)).await;
    soon(said(&mut stream)).await
}

#[tokio::test]
async fn what_http_1_would_read_otherwise_never_reaches_the_space() {
    let yard = Yard::open().await;
    assert_eq!(asked(&yard, &PLAIN, b"x").await, Said::Answered(0x88));
    assert_eq!(yard.recorder.told(), ["POST /a x"]);
    let mut requests = vec![];
    for (name, values) in [
        (
            ":method",
            &["", "GET /x HTTP/1.1\r\n", "G ET", "GET\0", "GE:T", "GET\n"][..],
        ),
        (
            ":path",
            &[
                "",
                "a",
                "/a b",
                "/a\r\nx: y",
                "/a HTTP/1.1\r\nhost: x",
                "/\0",
                "/a\t",
                "*",
            ],
        ),
        (
            ":authority",
            &[
                "",
                "a b",
                "evil\r\nx: y",
                "me@raw--ada.tunnels.localhost",
                "a:99999",
                "a,b",
            ],
        ),
        (":scheme", &["", "ftp", "http://x", "https\r\nx: y"]),
        ("x", &["a\r\nb: c", "a\nb", "a\rb", "a\0b"]),
        ("x: y\r\nz", &["a"]),
        ("x y", &["a"]),
        ("x:", &["a"]),
        ("", &["a"]),
        ("X-Upper", &["a"]),
        ("transfer-encoding", &["chunked", "identity", ""]),
        ("connection", &["close", "x"]),
        ("keep-alive", &["1"]),
        ("proxy-connection", &["keep-alive"]),
        ("upgrade", &["h2c", "websocket"]),
        ("te", &["gzip", "trailers, deflate"]),
        (
            "content-length",
            &["2", "+1", "1,1", "-1", "x", "18446744073709551616"],
        ),
        (":unknown", &["a"]),
        (":status", &["200"]),
        ("host", &["evil", "a b"]),
    ] {
        requests.extend(values.iter().map(|value| with(name, value)));
    }
    for twice in PLAIN {
        requests.push([&PLAIN[..], &[twice]].concat());
    }
    for missing in [":method", ":scheme", ":path", ":authority"] {
        requests.push(PLAIN.into_iter().filter(|it| it.0 != missing).collect());
    }
    // A pseudo-header behind a field.
    requests.push([&PLAIN[..3], &[("x", "y")], &PLAIN[3..]].concat());
    requests.push(
        [
            &PLAIN[..],
            &[("content-length", "1"), ("content-length", "2")],
        ]
        .concat(),
    );
    requests.push([&PLAIN[..], &[("host", HOST), ("host", HOST)]].concat());
    for fields in requests {
        let said = asked(&yard, &fields, b"x").await;
        assert_ne!(said, Said::Answered(0x88), "{fields:?}");
        assert_eq!(yard.recorder.told(), [""; 0], "{fields:?}");
    }
}

#[tokio::test]
async fn what_travels_on_from_http_2_is_framed_anew() {
    let yard = Yard::open().await;
    for (fields, body, framed) in [
        (with("content-length", "1"), "x", "content-length"),
        (PLAIN.to_vec(), "x", "transfer-encoding"),
    ] {
        let said = asked(&yard, &fields, body.as_bytes()).await;
        assert_eq!(said, Said::Answered(0x88));
        let seen = yard.recorder.take();
        assert_eq!(seen[0].all(framed).len(), 1, "{framed}");
    }
    // What comes behind an end that was told is no part of it, whether or not it is seen in time.
    let said = asked(&yard, &with("content-length", "0"), b"x").await;
    match said {
        Said::Answered(0x88) => assert_eq!(yard.recorder.told(), ["POST /a "]),
        _ => assert!(yard.recorder.told().iter().all(|it| it == "POST /a ")),
    }
    // Cookies that were spread are one field again (RFC 9113 §8.2.3).
    let crumbs = [&PLAIN[..], &[("cookie", "a=b"), ("cookie", "c=d")]].concat();
    assert_eq!(asked(&yard, &crumbs, b"").await, Said::Answered(0x88));
    assert_eq!(yard.recorder.take()[0].all("cookie"), ["a=b; c=d"]);
}

#[tokio::test]
async fn names_of_one_certificate_share_a_connection_and_others_do_not() {
    let yard = Yard::open().await;
    let mut sender = yard.house.visitor().h2::<Full<Bytes>>(HOST).await;
    for (host, status) in [
        (HOST, 200),
        (crate::harness::HOST, 200),
        ("nope--ada.tunnels.localhost", 404),
        ("code--lab--ada.apps.localhost", 421),
        ("evil.example", 421),
    ] {
        let asked = request(Method::GET, host, "/", &[("host", host)]);
        let got = got(soon(sender.send_request(asked)).await.unwrap()).await;
        assert_eq!(got.status, status, "{host}");
    }
    assert_eq!(yard.recorder.told(), ["GET / "]);
    // By HTTP/1.1 the same.
    let other =
        "GET / HTTP/1.1\r\nhost: code--lab--ada.apps.localhost\r\nconnection: close\r\n\r\n";
    assert_eq!(yard.statuses(other).await, [421]);
}

/// Sends a flood until the edge closes the connection, or to its end; tells which.
async fn is_cut(yard: &Yard, first: &[u8], piece: impl Fn(u32) -> Vec<u8>) -> bool {
    let mut stream = connected(yard).await;
    stream.write_all(first).await.unwrap();
    let (mut read, mut write) = tokio::io::split(stream);
    let answers = async { while matches!(read.read(&mut [0; 4096]).await, Ok(1..)) {} };
    let flood = async {
        for number in 0..u32::try_from(FLOOD).unwrap() {
            if write.write_all(&piece(number)).await.is_err() {
                return;
            }
        }
        std::future::pending::<()>().await;
    };
    let mut answers = std::pin::pin!(answers);
    let ended = async {
        tokio::select! { () = &mut answers => true, () = flood => true }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), ended)
        .map(|it| it.unwrap_or(false))
        .await
}

#[tokio::test]
async fn floods_that_cost_more_than_they_are_worth_end_their_connection() {
    let yard = Yard::open().await;
    let head = block(&PLAIN);
    let resets = |number: u32| {
        let stream = 2 * number + 1;
        let cancel = frame(RESET, 0, stream, &8_u32.to_be_bytes());
        [
            frame(HEADERS, END_HEADERS | END_STREAM, stream, &head),
            cancel,
        ]
        .concat()
    };
    assert!(is_cut(&yard, b"", resets).await, "rapid resets");
    let seen = yard.recorder.take().len();
    assert!(seen < FLOOD / 2, "{seen} requests reached the space");

    let open = frame(HEADERS, 0, 1, &block(&PLAIN[..1]));
    let field = block(&[("x", "y")]);
    let continued = |_| frame(CONTINUATION, 0, 1, &field);
    assert!(is_cut(&yard, &open, continued).await, "continuations");
    let empty = |_| frame(CONTINUATION, 0, 1, b"");
    assert!(is_cut(&yard, &open, empty).await, "empty continuations");
    let malformed = |number: u32| {
        frame(
            HEADERS,
            END_HEADERS,
            2 * number + 1,
            &block(&with("X", "y")),
        )
    };
    assert!(is_cut(&yard, b"", malformed).await, "malformed requests");
    assert_eq!(yard.recorder.told(), [""; 0]);
}

#[tokio::test]
async fn a_head_that_grows_when_it_is_read_is_refused() {
    let yard = Yard::open().await;
    let mut stream = connected(&yard).await;
    // 3 KiB into the table, and then a byte for each repetition.
    let mut bomb = block(&PLAIN);
    bomb.push(0x40);
    bomb.extend([1, b'x', 127, 0x81, 0x17]);
    bomb.extend([b'y'; 127 + 1 + 0x17 * 128]);
    bomb.extend([0xbe; 10_000]);
    let head = frame(HEADERS, END_HEADERS | END_STREAM, 1, &bomb);
    stream.write_all(&head).await.unwrap();
    assert_ne!(soon(said(&mut stream)).await, Said::Answered(0x88));
    assert_eq!(yard.recorder.told(), [""; 0]);
    let got = yard.house.visitor();
    let got = got
        .ask(Version::HTTP_2, request(Method::GET, HOST, "/", &[]))
        .await;
    assert_eq!(got.status, 200);
}

#[tokio::test]
async fn pings_and_settings_are_not_gathered_for_who_does_not_read() {
    let yard = Yard::open().await;
    for piece in [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, &[])] {
        let mut stream = connected(&yard).await;
        let flood = piece.repeat(1000);
        // The answers fill what is between both sides, and then nothing more is taken.
        let blocked = async {
            loop {
                let write = stream.write_all(&flood);
                match tokio::time::timeout(std::time::Duration::from_secs(2), write).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => return,
                }
            }
        };
        soon(blocked).await;
    }
    assert_eq!(yard.house.get(HOST, "/").await.status, 200);
}
