//! Whom visitors are taken for when they come through a proxy, or say so.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http::Version;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::{
    harness::{HOST, House},
    soon,
    visitor::{Got, as_h1, got, request},
};

const BOTH: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];
const TRUSTED: &str = "SPACEPORT_EDGE_TRUSTED_PROXIES";

async fn ask(house: &House, version: Version, fields: &[(&str, &str)]) -> Got {
    let asked = request(http::Method::GET, HOST, "/", fields);
    house.visitor().ask(version, asked).await
}

/// What the space is told of the visitor: by each field once, and the same.
fn told(got: &Got) -> String {
    assert_eq!(got.status, 200);
    let [client] = &got.echoed("x-forwarded-for")[..] else {
        panic!("{:?}", got.json());
    };
    let node = if client.contains(':') {
        format!("\"[{client}]\"")
    } else {
        client.clone()
    };
    let forwarded = format!("for={node};host=\"{HOST}\";proto=https");
    assert_eq!(got.echoed("forwarded"), [forwarded]);
    assert!(got.echoed("x-real-ip").is_empty());
    client.clone()
}

#[tokio::test]
async fn a_trusted_proxy_says_who_the_visitor_is_and_the_visitor_does_not() {
    let house = House::open_with(&[(TRUSTED, "127.0.0.1, 10.0.0.0/8")]).await;
    for version in BOTH {
        for (fields, expected) in [
            (&[][..], "127.0.0.1"),
            (&[("x-forwarded-for", "192.0.2.7")], "192.0.2.7"),
            (
                &[("x-forwarded-for", "6.6.6.6, 192.0.2.7, 10.0.0.9")],
                "192.0.2.7",
            ),
            (
                &[
                    ("x-forwarded-for", "6.6.6.6"),
                    ("x-forwarded-for", "192.0.2.7"),
                ],
                "192.0.2.7",
            ),
            (&[("x-forwarded-for", "6.6.6.6, unknown")], "127.0.0.1"),
            (&[("x-forwarded-for", "2001:db8::7")], "2001:db8::7"),
            (
                &[(
                    "forwarded",
                    "for=6.6.6.6, for=\"[2001:db8::7]:1\";proto=http",
                )],
                "2001:db8::7",
            ),
            (
                &[
                    ("forwarded", "for=\"6.6.6.6"),
                    ("forwarded", "for=192.0.2.7"),
                ],
                "192.0.2.7",
            ),
            (
                &[
                    ("forwarded", "for=6.6.6.6"),
                    ("x-forwarded-for", "192.0.2.7"),
                ],
                "127.0.0.1",
            ),
            (
                &[("x-real-ip", "6.6.6.6"), ("x_forwarded_for", "6.6.6.6")],
                "127.0.0.1",
            ),
        ] {
            let got = ask(&house, version, fields).await;
            assert_eq!(told(&got), expected, "{version:?} {fields:?}");
        }
    }
}

#[tokio::test]
async fn nobody_else_says_who_the_visitor_is() {
    let nobody = House::open().await;
    let others = House::open_with(&[(TRUSTED, "127.0.0.2, 10.0.0.0/8, ::1")]).await;
    for house in [nobody, others] {
        for version in BOTH {
            for field in [
                "x-forwarded-for",
                "forwarded",
                "x-real-ip",
                "x_forwarded_for",
            ] {
                for claim in ["6.6.6.6", "for=6.6.6.6", "10.0.0.1, 127.0.0.2"] {
                    let got = ask(&house, version, &[(field, claim)]).await;
                    assert_eq!(told(&got), "127.0.0.1", "{version:?} {field}: {claim}");
                }
            }
        }
    }
}

#[tokio::test]
async fn not_even_a_trusted_proxy_says_which_host_is_meant() {
    let house = House::open_with(&[(TRUSTED, "127.0.0.1")]).await;
    for version in BOTH {
        let fields = [
            ("x-forwarded-host", "nope--ada.tunnels.localhost"),
            ("x-forwarded-proto", "http"),
            (
                "forwarded",
                "for=192.0.2.7;host=nope--ada.tunnels.localhost;proto=http",
            ),
        ];
        let got = ask(&house, version, &fields).await;
        assert_eq!(told(&got), "192.0.2.7");
        assert_eq!(got.echoed("x-forwarded-host"), [HOST]);
        assert_eq!(got.echoed("x-forwarded-proto"), ["https"]);
    }
}

const PROXY_PROTOCOL: (&str, &str) = ("SPACEPORT_EDGE_PROXY_PROTOCOL", "true");
const V1: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.8 4711 443\r\n";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x08\x12\x67\x01\xbb";
const V2_LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// A connection from 127.0.0.`last` that begins with `preamble`.
async fn connection(house: &House, last: u8, preamble: &[u8]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0));
    socket.bind(address).unwrap();
    let mut stream = socket.connect(house.edge().address()).await.unwrap();
    stream.write_all(preamble).await.unwrap();
    stream
}

/// Asks on such a connection; `None` when the edge lets nobody in.
async fn ask_behind(
    house: &House,
    (last, preamble): (u8, &[u8]),
    fields: &[(&str, &str)],
) -> Option<Got> {
    let stream = connection(house, last, preamble).await;
    let visitor = house.visitor();
    let stream = soon(visitor.encrypt(HOST, &["http/1.1"], stream));
    let stream = stream.await.ok()?;
    let (mut sender, connection) = http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let asked = as_h1(request(http::Method::GET, HOST, "/", fields));
    Some(got(soon(sender.send_request(asked)).await.unwrap()).await)
}

#[tokio::test]
async fn a_trusted_proxy_says_whose_connection_it_carries() {
    let trusted = (TRUSTED, "127.0.0.2, 192.0.2.0/30");
    let house = House::open_with(&[PROXY_PROTOCOL, trusted]).await;
    let claim = [("x-forwarded-for", "6.6.6.6")];
    for (connection, expected) in [
        ((2, V1), "192.0.2.7"),
        ((2, V2), "192.0.2.7"),
        ((2, V2_LOCAL), "6.6.6.6"),
        // Who is carried may be a proxy that is trusted itself, which reads requests.
        (
            (2, &b"PROXY TCP4 192.0.2.1 192.0.2.8 1 2\r\n"[..]),
            "6.6.6.6",
        ),
        ((1, &b""[..]), "127.0.0.1"),
    ] {
        let got = ask_behind(&house, connection, &claim).await;
        assert_eq!(told(&got.expect("an answer")), expected, "{connection:?}");
    }
}

#[tokio::test]
async fn nobody_else_says_whose_connection_it_is() {
    let trusted = (TRUSTED, "127.0.0.2");
    let house = House::open_with(&[PROXY_PROTOCOL, trusted]).await;
    // From anybody else it is no TLS, and from the proxy nothing but it is expected.
    for connection in [(1, V1), (1, V2), (2, &b""[..]), (2, b"PROXY nonsense\r\n")] {
        assert!(
            ask_behind(&house, connection, &[]).await.is_none(),
            "{connection:?}"
        );
    }
    let without = House::open_with(&[trusted]).await;
    for preamble in [V1, V2] {
        assert!(ask_behind(&without, (2, preamble), &[]).await.is_none());
    }
}

#[tokio::test]
async fn a_proxy_that_does_not_say_whose_connection_it_is_has_no_more_time_than_a_handshake() {
    let time = ("SPACEPORT_EDGE_HANDSHAKE_SECONDS", "0.2");
    let house = House::open_with(&[PROXY_PROTOCOL, (TRUSTED, "127.0.0.2"), time]).await;
    for preamble in [&b""[..], b"PROX", b"PROXY TCP4 192", &V2[..20]] {
        let mut stream = connection(&house, 2, preamble).await;
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = soon(stream.read_to_end(&mut rest)).await;
        assert!(rest.is_empty());
    }
}
