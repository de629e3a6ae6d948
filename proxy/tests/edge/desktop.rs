//! The host of a space's desktop: its page, and the WebSocket that carries RFB. What serves the
//! desktop is the test itself.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::{Method, Version};
use serde_json::{Value, json};
use spaceport_domain::agent::{App, AppState, RefusalCode, Service, Status};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time,
};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use crate::{
    exec::{end, frame, h1_to, h2_to},
    harness::counts,
    inside::{Inside, host},
    soon,
    visitor::{as_h1, got, request},
};

const PATH: &str = "/api/desktop";
const APP: &str = "vnc";
const VERSIONS: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];
/// Without a byte taken for so long, nothing is taken any more.
const STILL: Duration = Duration::from_millis(500);

/// A space in which something serves a desktop.
struct Served {
    inside: Inside,
    desktop: TcpListener,
}

impl Served {
    async fn open() -> Self {
        let served = Self {
            inside: Inside::open().await,
            desktop: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        };
        let address = served.desktop.local_addr().unwrap();
        served.inside.agent.connects_to(address);
        served
    }

    /// The connection that a WebSocket became.
    async fn accept(&self) -> TcpStream {
        soon(self.desktop.accept()).await.unwrap().0
    }
}

/// Bytes of which each place can be told from the next.
fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect()
}

/// Reads until so many bytes came in messages.
async fn read<S>(socket: &mut WebSocketStream<S>, length: usize) -> Vec<u8>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut bytes = Vec::new();
    while bytes.len() < length {
        bytes.extend(frame(socket).await);
    }
    bytes
}

#[tokio::test]
async fn the_page_is_the_edges_own_for_who_may_use_the_desktop() {
    let inside = Inside::open().await;
    for version in VERSIONS {
        let got = inside.ask(version, Method::GET, &host(APP), "/").await;
        // A program without the page says how to have it.
        if got.status == 501 {
            assert_eq!(got.code(), Some("PAGE_NOT_BUILT"));
        } else {
            assert_eq!((got.status, got.code()), (200, None));
            let policy = got.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("script-src 'self';"), "{policy}");
        }
        for path in ["/api", PATH, "/../Cargo.toml", "/assets/", "/api/exec"] {
            let got = inside.ask(version, Method::GET, &host(APP), path).await;
            let refusal = (got.status, got.code());
            assert_eq!(refusal, (404, Some("UNKNOWN_HOST")), "{path}");
        }
        let posted = inside.ask(version, Method::POST, &host(APP), "/").await;
        assert_eq!(posted.status, 404);
    }
    // Nothing of it is asked of the space.
    assert_eq!(inside.agent.asked(), []);
    for taking in inside.takings() {
        inside.street.house.say(taking).await;
        let got = inside.ask(VERSIONS[1], Method::GET, &host(APP), "/").await;
        assert!([401, 404, 503].contains(&got.status), "{}", got.status);
        inside.give().await;
    }
    let mut space = inside.space("RUNNING");
    space["agent"] = Value::Null;
    inside.street.house.say(space).await;
    let got = inside.ask(VERSIONS[1], Method::GET, &host(APP), "/").await;
    assert_eq!((got.status, got.code()), (502, Some("NO_AGENT")));
}

#[tokio::test]
async fn a_declared_port_serves_the_desktop_by_http() {
    let inside = Inside::open().await;
    let port = inside.street.house.space.address.port();
    let mut space = inside.space("RUNNING");
    space["ports"] = json!([{"name": "vnc", "port": port}]);
    inside.street.house.say(space).await;
    for version in VERSIONS {
        let got = inside.ask(version, Method::GET, &host(APP), PATH).await;
        assert_eq!((got.status, &got.json()["target"]), (200, &PATH.into()));
    }
    assert_eq!(inside.agent.asked(), []);
}

#[tokio::test]
async fn bytes_pass_both_ways_in_order_by_http_1_and_by_http_2() {
    let served = Served::open().await;
    passes(&served, h1_to(&served.inside, APP, PATH, None).await).await;
    passes(&served, h2_to(&served.inside, APP, PATH).await).await;
    let dial = Service::Dial {
        host: "localhost".to_owned(),
        port: 5900,
    };
    assert_eq!(served.inside.agent.asked(), [dial.clone(), dial]);
    counts(
        served.inside.street.house.edge(),
        "spaceport_edge_websockets 0",
    )
    .await;
}

async fn passes<S>(served: &Served, mut socket: WebSocketStream<S>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut desktop = served.accept().await;
    desktop.write_all(b"RFB 003.008\n").await.unwrap();
    assert_eq!(read(&mut socket, 12).await, b"RFB 003.008\n");
    // More than a message takes, in pieces of any size.
    let sent = pattern(1_000_000);
    let mut echoed = vec![0; sent.len()];
    let (mut sink, mut stream) = socket.split();
    let (mut reader, mut writer) = desktop.split();
    let up = async {
        let mut rest = &sent[..];
        for size in [0, 1, 200_000].into_iter().chain([50_000; 16]) {
            let piece = rest.split_off(..size.min(rest.len())).unwrap();
            sink.send(Message::binary(piece.to_vec())).await.unwrap();
        }
        assert!(rest.is_empty());
    };
    let down = async {
        writer.write_all(&sent).await.unwrap();
    };
    let shown = async {
        let mut bytes = Vec::new();
        while bytes.len() < sent.len() {
            match soon(stream.next()).await.unwrap().unwrap() {
                Message::Binary(piece) => bytes.extend_from_slice(&piece),
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
        bytes
    };
    let ((), (), read, shown) =
        soon(async { tokio::join!(up, down, reader.read_exact(&mut echoed), shown) }).await;
    read.unwrap();
    assert!(echoed == sent && shown == sent);
    // A visitor who leaves takes the connection with them.
    drop((sink, stream));
    assert_eq!(soon(desktop.read(&mut [0])).await.unwrap(), 0);
    drop(desktop);
    served.inside.agent.open_connections(0).await;
}

#[tokio::test]
async fn the_subprotocol_is_agreed_to_by_whom_it_is_offered() {
    let served = Served::open().await;
    // The client checks that one of those that it offered is agreed to.
    for offered in ["binary", "base64, binary"] {
        let mut socket = h1_to(&served.inside, APP, PATH, Some(offered)).await;
        let mut desktop = served.accept().await;
        desktop.write_all(b"RFB").await.unwrap();
        assert_eq!(read(&mut socket, 3).await, b"RFB");
    }
}

#[tokio::test]
async fn who_does_not_read_is_not_read_for() {
    let served = Served::open().await;
    let mut socket = h1_to(&served.inside, APP, PATH, None).await;
    let mut desktop = served.accept().await;
    // A screen that nobody looks at: what fits in between is full at some time.
    let piece = pattern(251 << 8);
    let mut written = 0;
    while let Ok(now) = time::timeout(STILL, desktop.write(&piece[written % piece.len()..])).await {
        written += now.unwrap();
    }
    assert!(written < 64 << 20, "{written} bytes are waiting");
    // It is all there, and goes on.
    let seen = read(&mut socket, written).await;
    assert_eq!(seen.len(), written);
    assert!(
        seen.iter()
            .enumerate()
            .all(|(at, it)| usize::from(*it) == at % 251)
    );
    desktop.write_all(b"more").await.unwrap();
    assert_eq!(read(&mut socket, 4).await, b"more");
}

#[tokio::test]
async fn a_desktop_that_takes_nothing_stops_its_visitor_who_still_sees_it() {
    let served = Served::open().await;
    let mut socket = h1_to(&served.inside, APP, PATH, None).await;
    let mut desktop = served.accept().await;
    let piece = Message::binary(pattern(64 << 10));
    let mut sent = 0;
    while let Ok(now) = time::timeout(STILL, socket.send(piece.clone())).await {
        now.unwrap();
        sent += 1;
        assert!(sent < 1000, "nothing holds the visitor back");
    }
    desktop.write_all(b"still here").await.unwrap();
    assert_eq!(read(&mut socket, 10).await, b"still here");
}

#[tokio::test]
async fn a_desktop_is_left_with_the_right_to_see_it() {
    let served = Served::open().await;
    for taking in served.inside.takings() {
        let mut first = h1_to(&served.inside, APP, PATH, None).await;
        let mut desktops = vec![served.accept().await];
        let mut second = h2_to(&served.inside, APP, PATH).await;
        desktops.push(served.accept().await);
        served.inside.street.house.say(taking).await;
        for desktop in &mut desktops {
            assert_eq!(soon(desktop.read(&mut [0])).await.unwrap(), 0);
        }
        assert_eq!(end(&mut first).await, 1008);
        assert_eq!(end(&mut second).await, 1008);
        drop(desktops);
        served.inside.agent.open_connections(0).await;
        served.inside.give().await;
    }
}

#[tokio::test]
async fn whoever_comes_too_early_is_told_to_wait_and_why() {
    let inside = Inside::open().await;
    let app = |state, reason: Option<&str>| {
        let app = App {
            state,
            restarts: 0,
            reason: reason.map(str::to_owned),
            tunnel: None,
        };
        Some(Status {
            apps: [("vnc".to_owned(), app)].into(),
            ..Status::default()
        })
    };
    let long = "x".repeat(500);
    for (status, told) in [
        // An agent that doesn't know, and one that was told of no such app.
        (None, (4503, "")),
        (Some(Status::default()), (4503, "")),
        (app(AppState::Running, None), (4503, "")),
        (
            app(AppState::Waiting, Some("no display")),
            (4503, "no display"),
        ),
        // Nothing of it turns around what is shown beside it, or hides.
        (
            app(
                AppState::Waiting,
                Some("no \u{1b}[31mdis\u{202e}play\u{e0041}"),
            ),
            (4503, "no display"),
        ),
        (app(AppState::Waiting, Some(&long)), (4503, &long[..123])),
        (
            app(AppState::Absent, None),
            (4404, "the image has no desktop"),
        ),
    ] {
        inside
            .agent
            .shared
            .status
            .lock()
            .unwrap()
            .clone_from(&status);
        for code in [RefusalCode::Refused, RefusalCode::Failed] {
            *inside.agent.shared.refuses.lock().unwrap() = Some(code);
            let mut socket = h1_to(&inside, APP, PATH, None).await;
            let close = match soon(socket.next()).await.unwrap().unwrap() {
                Message::Close(close) => close.unwrap(),
                other => panic!("{other:?}"),
            };
            let heard = (u16::from(close.code), close.reason.as_str());
            assert_eq!(heard, told, "{status:?}");
        }
    }
    // What goes wrong otherwise is said, too.
    *inside.agent.shared.refuses.lock().unwrap() = Some(RefusalCode::Busy);
    let mut socket = h1_to(&inside, APP, PATH, None).await;
    assert_eq!(end(&mut socket).await, 1011);
    inside.agent.open_connections(0).await;
}

#[tokio::test]
async fn a_desktop_that_ends_and_what_is_no_rfb_end_the_websocket() {
    let served = Served::open().await;
    let mut socket = h1_to(&served.inside, APP, PATH, None).await;
    let mut desktop = served.accept().await;
    desktop.write_all(b"last words").await.unwrap();
    drop(desktop);
    assert_eq!(read(&mut socket, 10).await, b"last words");
    assert_eq!(end(&mut socket).await, 1011);
    for (message, close) in [
        (Message::text("x"), 1002),
        (Message::binary(vec![0; 300 << 10]), 1009),
    ] {
        let mut socket = h1_to(&served.inside, APP, PATH, None).await;
        let mut desktop = served.accept().await;
        socket.send(message).await.unwrap();
        assert_eq!(end(&mut socket).await, close);
        assert_eq!(soon(desktop.read(&mut [0])).await.unwrap(), 0);
    }
}

/// Where somebody knocks and with which fields, and the status that they get.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], u16);

#[tokio::test]
async fn nobody_else_sees_or_moves_anything() {
    let served = Served::open().await;
    let inside = &served.inside;
    let host = host(APP);
    let cookie = inside.cookie(&host);
    let elsewhere = inside.cookie(&crate::inside::host("term"));
    let stranger = inside.street.ticket_for(2, json!({"host": host}));
    let stranger = format!("{}={stranger}", crate::apps::COOKIE);
    let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let version = ("sec-websocket-version", "13");
    let ticket = ("cookie", cookie.as_str());
    let origin = |origin| [key, version, ticket, ("origin", origin)];
    let cases: [Case<'_>; 9] = [
        (PATH, &[key, version], 401),
        (PATH, &[key, version, ("cookie", &elsewhere)], 401),
        (PATH, &[key, version, ("cookie", &stranger)], 404),
        (PATH, &origin("https://evil.example"), 403),
        // Not even a page of another app of the space.
        (PATH, &origin("https://8000--lab--ada.apps.localhost"), 403),
        (PATH, &origin("null"), 403),
        (PATH, &[key, ("sec-websocket-version", "8"), ticket], 400),
        (PATH, &[key, ticket], 400),
        ("/", &[key, version, ticket], 501),
    ];
    for (path, fields, status) in cases {
        let switch = [("connection", "upgrade"), ("upgrade", "websocket")];
        let asked = request(Method::GET, &host, path, &[&switch, fields].concat());
        let mut sender = inside.street.house.visitor().h1(&host).await;
        let got = got(soon(sender.send_request(as_h1(asked))).await.unwrap()).await;
        assert_eq!(got.status, status, "{path} {fields:?}");
    }
    assert_eq!(inside.agent.asked(), []);
}
