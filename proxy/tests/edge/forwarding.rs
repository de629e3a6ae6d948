//! Requests and their responses, as they should be.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream};
use http::{HeaderMap, Method, Request, Version};
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Frame;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

use crate::{
    harness::{HOST, House, routes},
    soon,
    space::closed_port,
    visitor::{as_h1, got, request},
};

const BOTH: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

#[tokio::test]
async fn a_space_gets_the_request_and_learns_who_asks_for_what() {
    let house = House::open().await;
    for version in BOTH {
        let fields = [
            ("x-forwarded-for", "6.6.6.6"),
            ("forwarded", "for=6.6.6.6"),
            ("x_forwarded_host", "evil"),
            ("x-request-id", "mine"),
            ("authorization", "Bearer app"),
            ("cookie", "a=b"),
        ];
        let mut asked = request(Method::PUT, HOST, "/a%2Fb/%20?q=%41", &fields);
        *asked.body_mut() = Full::from("hello");
        let got = house.visitor().ask(version, asked).await;
        assert_eq!((got.status, got.code()), (200, None));
        let json = got.json();
        assert_eq!(json["method"], "PUT");
        assert_eq!(json["target"], "/a%2Fb/%20?q=%41");
        assert_eq!(json["length"], 5);
        assert_eq!(got.echoed("host"), [HOST]);
        assert_eq!(got.echoed("x-forwarded-for"), ["127.0.0.1"]);
        assert_eq!(got.echoed("x-forwarded-host"), [HOST]);
        assert_eq!(got.echoed("x-forwarded-proto"), ["https"]);
        let forwarded = format!("for=127.0.0.1;host=\"{HOST}\";proto=https");
        assert_eq!(got.echoed("forwarded"), [forwarded]);
        assert!(got.echoed("x_forwarded_host").is_empty());
        assert_eq!(got.echoed("authorization"), ["Bearer app"]);
        assert_eq!(got.echoed("cookie"), ["a=b"]);
        let id = got.headers["x-request-id"].to_str().unwrap();
        assert_eq!(got.echoed("x-request-id"), [id]);
        assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7);
    }
}

#[tokio::test]
async fn a_space_can_not_answer_in_the_edges_name() {
    let house = House::open().await;
    let got = house.get(HOST, "/forged").await;
    assert_eq!((got.status, got.code()), (404, None));
    assert_ne!(got.headers["x-request-id"], "mine");
    assert!(!got.headers.contains_key("keep-alive"));
    assert_eq!(got.headers["set-cookie"], "a=b");
}

#[tokio::test]
async fn bodies_of_any_size_arrive_as_they_were() {
    let house = House::open().await;
    let length: usize = 24 << 20;
    for version in BOTH {
        let path = format!("/bytes?{length}");
        let got = house
            .visitor()
            .ask(version, request(Method::GET, HOST, &path, &[]))
            .await;
        assert_eq!(got.body.len(), length, "{version:?}");

        // Without a length, and by a method whose bodies are easily forgotten.
        let piece = Bytes::from((0..=255).collect::<Vec<u8>>().repeat(256));
        let pieces = length / piece.len();
        let sum = (0..pieces).fold(0_u64, |sum, _| {
            piece
                .iter()
                .fold(sum, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte))
        });
        let frames =
            stream::iter(0..pieces).map(move |_| Ok::<_, hyper::Error>(Frame::data(piece.clone())));
        let asked = request(Method::GET, HOST, "/", &[]).map(|_| StreamBody::new(frames));
        let response = if version == Version::HTTP_2 {
            let asked = asked.map(BodyExt::boxed);
            soon(house.visitor().h2(HOST).await.send_request(asked)).await
        } else {
            let mut asked = as_h1(asked);
            asked
                .headers_mut()
                .insert("transfer-encoding", "chunked".parse().unwrap());
            soon(house.visitor().h1(HOST).await.send_request(asked)).await
        };
        let json = crate::visitor::got(response.unwrap()).await.json();
        assert_eq!(
            (json["length"].as_u64(), json["sum"].as_u64()),
            (Some(length as u64), Some(sum))
        );
    }
}

#[tokio::test]
async fn events_arrive_one_by_one() {
    let house = House::open().await;
    let asked = || request(Method::GET, HOST, "/events", &[]);
    for version in BOTH {
        let response = if version == Version::HTTP_2 {
            soon(house.visitor().h2(HOST).await.send_request(asked())).await
        } else {
            soon(house.visitor().h1(HOST).await.send_request(as_h1(asked()))).await
        };
        let mut body = response.unwrap().into_body();
        for number in 0..3 {
            // The space sends the next one only after this one was seen.
            let frame = soon(body.frame()).await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), format!("data: {number}\n\n"));
            house.space.shared.gate.open();
        }
        assert!(soon(body.collect()).await.unwrap().to_bytes().is_empty());
    }
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let house = House::open().await;
    for version in BOTH {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "7".parse().unwrap());
        let frames = [
            Ok::<_, hyper::Error>(Frame::data(Bytes::from("x"))),
            Ok(Frame::trailers(trailers)),
        ];
        let fields = [("te", "trailers"), ("trailer", "x-sum")];
        let asked = request(Method::POST, HOST, "/trailers", &fields)
            .map(|_| StreamBody::new(stream::iter(frames)));
        let response = if version == Version::HTTP_2 {
            soon(house.visitor().h2(HOST).await.send_request(asked)).await
        } else {
            let mut asked = as_h1(asked);
            asked
                .headers_mut()
                .insert("transfer-encoding", "chunked".parse().unwrap());
            soon(house.visitor().h1(HOST).await.send_request(asked)).await
        };
        let got = got(response.unwrap()).await;
        assert_eq!(got.trailers.unwrap()["x-sum"], "7", "{version:?}");
    }
}

#[tokio::test]
async fn a_websocket_is_carried_until_it_ends() {
    let house = House::open().await;
    let stream = house.visitor().connect(HOST, &["http/1.1"]).await.unwrap();
    let asked = format!("wss://{HOST}/websocket")
        .into_client_request()
        .unwrap();
    let opened = soon(Box::pin(tokio_tungstenite::client_async(asked, stream))).await;
    let (mut socket, response) = opened.unwrap();
    assert_eq!(response.headers()["x-app"], "kept");
    assert!(response.headers().contains_key("x-request-id"));
    for size in [0, 5, 1 << 20] {
        let message = Message::binary(vec![b'm'; size]);
        // A change of routes that doesn't concern it passes it by.
        house
            .say(routes(
                2,
                "STOPPED",
                house.space.address,
                "other--ada.tunnels.localhost",
            ))
            .await;
        socket.send(message.clone()).await.unwrap();
        assert_eq!(soon(socket.next()).await.unwrap().unwrap(), message);
    }
    socket.close(None).await.unwrap();
    while soon(socket.next()).await.is_some_and(|it| it.is_ok()) {}
    house.space.open_connections(0).await;
}

#[tokio::test]
async fn what_is_no_websocket_is_answered_like_any_request() {
    let house = House::open().await;
    let fields = [
        ("connection", "upgrade"),
        ("upgrade", "h2c"),
        ("http2-settings", ""),
    ];
    let asked = request(Method::GET, HOST, "/", &fields);
    let got = house.visitor().ask(Version::HTTP_11, asked).await;
    assert_eq!(got.status, 200);
    assert!(got.echoed("upgrade").is_empty() && got.echoed("connection").is_empty());
}

#[tokio::test]
async fn connections_into_a_space_are_kept_until_its_route_changes() {
    let house = House::open().await;
    for _ in 0..3 {
        let mut sender = house.visitor().h1::<Empty<Bytes>>(HOST).await;
        for _ in 0..3 {
            let asked = as_h1(request(Method::GET, HOST, "/", &[])).map(|_| Empty::new());
            sender.ready().await.unwrap();
            assert_eq!(
                got(soon(sender.send_request(asked)).await.unwrap())
                    .await
                    .status,
                200
            );
        }
    }
    assert_eq!(house.space.connections_so_far(), 1);
    house.space.open_connections(1).await;
    house.say(house.routes("STOPPING")).await;
    house.space.open_connections(0).await;
}

#[tokio::test]
async fn a_kept_connection_that_died_is_replaced_without_a_word() {
    let house = House::open().await;
    let (address, server) = crate::space::hangs_up_on_reuse().await;
    house
        .say(routes(3, "RUNNING", address, "old--ada.tunnels.localhost"))
        .await;
    for _ in 0..4 {
        let got = house.get("old--ada.tunnels.localhost", "/").await;
        assert_eq!((got.status, &got.body[..]), (200, &b"first"[..]));
    }
    server.abort();
}

#[tokio::test]
async fn the_edge_answers_itself_when_a_space_can_not() {
    let house = House::open_with(&[("SPACEPORT_EDGE_RESPONSE_SECONDS", "0.2")]).await;
    let port = closed_port();
    let cases = [
        (
            "stopped",
            "STOPPED",
            "127.0.0.1:1".to_owned(),
            503,
            "SPACE_NOT_RUNNING",
        ),
        (
            "starting",
            "STARTING",
            "127.0.0.1:1".to_owned(),
            503,
            "SPACE_NOT_RUNNING",
        ),
        (
            "closed",
            "RUNNING",
            format!("127.0.0.1:{port}"),
            502,
            "NOTHING_LISTENS",
        ),
        (
            "metadata",
            "RUNNING",
            "169.254.169.254:80".to_owned(),
            502,
            "UPSTREAM_FORBIDDEN",
        ),
        (
            "edge",
            "RUNNING",
            house.edge().address().to_string(),
            502,
            "UPSTREAM_FORBIDDEN",
        ),
        (
            "slow",
            "RUNNING",
            house.space.address.to_string(),
            504,
            "UPSTREAM_TIMEOUT",
        ),
    ];
    for (number, (name, status, target, _, _)) in (10..).zip(&cases) {
        let host = format!("{name}--ada.tunnels.localhost");
        house
            .say(routes(number, status, target.parse().unwrap(), &host))
            .await;
    }
    for (name, _, _, status, code) in &cases {
        let host = format!("{name}--ada.tunnels.localhost");
        let fields = [("accept", "application/json")];
        let asked = request(Method::GET, &host, "/wait", &fields);
        let got = house.visitor().ask(Version::HTTP_2, asked).await;
        assert_eq!((got.status, got.code()), (*status, Some(*code)), "{name}");
        assert_eq!(got.json()["code"], *code);
        assert_eq!(got.headers["cache-control"], "no-store");
        // What may be otherwise soon.
        let passes = ["SPACE_NOT_RUNNING", "NOTHING_LISTENS"].contains(code);
        assert_eq!(got.headers.contains_key("retry-after"), passes, "{name}");
    }
    let fields = [("accept", "text/html,*/*;q=0.8")];
    let asked = request(Method::GET, "starting--ada.tunnels.localhost", "/", &fields);
    let page = house.visitor().ask(Version::HTTP_11, asked).await;
    let text = std::str::from_utf8(&page.body).unwrap();
    assert!(text.contains("“lab &lt;1&gt;” is starting"), "{text}");
    let head = request(Method::HEAD, "stopped--ada.tunnels.localhost", "/", &[]);
    let head = house.visitor().ask(Version::HTTP_11, head).await;
    assert_eq!((head.status, head.body.len()), (503, 0));
}

#[tokio::test]
async fn an_unknown_host_is_not_found_and_a_foreign_one_not_here() {
    let house = House::open().await;
    let unknown = house.get("nope--ada.tunnels.localhost", "/").await;
    assert_eq!(
        (unknown.status, unknown.code()),
        (404, Some("UNKNOWN_HOST"))
    );
    // Whether there is such an app is told to whom the edge knows alone.
    let app = house.get("code--lab--ada.apps.localhost", "/").await;
    assert_eq!((app.status, app.code()), (401, Some("SIGN_IN_REQUIRED")));

    // Names under one wildcard share a connection; others don't.
    let mut sender = house.visitor().h2::<Full<Bytes>>(HOST).await;
    let mut ask = async |host: &str| {
        let asked: Request<Full<Bytes>> = request(Method::GET, host, "/", &[]);
        got(soon(sender.send_request(asked)).await.unwrap()).await
    };
    assert_eq!(ask(HOST).await.status, 200);
    assert_eq!(ask("nope--ada.tunnels.localhost").await.status, 404);
    let foreign = ask("code--lab--ada.apps.localhost").await;
    assert_eq!(
        (foreign.status, foreign.code()),
        (421, Some("MISDIRECTED_REQUEST"))
    );
}
