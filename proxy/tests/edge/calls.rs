//! gRPC calls, and the connections into a space that they share.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use futures_util::future::join_all;
use h2::{
    Reason, RecvStream,
    server::{SendResponse, handshake},
};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::SendRequest;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::{
    harness::{House, routes},
    hostile::frames::{END_HEADERS, HEADERS, PING, PREFACE, SETTINGS, block, frame},
    soon,
    visitor::{Got, got, request},
};

const HOST: &str = "calls--ada.tunnels.localhost";
/// More than one connection's share of the window for all of them.
const LARGE_BYTES: usize = 1 << 20;
/// Calls at once on one connection, of the edge into a space and of a visitor to the edge.
const STREAMS_MAX: usize = 100;

/// A gRPC server that does what the method says; it ends when it is dropped.
struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    /// Connections so far, and open now.
    connections: watch::Sender<(usize, usize)>,
    /// Calls so far.
    calls: watch::Sender<usize>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let shared = Arc::clone(&own);
                connections.spawn(async move {
                    shared
                        .connections
                        .send_modify(|(all, open)| (*all, *open) = (*all + 1, *open + 1));
                    serve(stream, &shared).await;
                    shared.connections.send_modify(|(_, open)| *open -= 1);
                });
            }
        });
        Self {
            address,
            shared,
            task,
        }
    }

    /// A house with this server in a space.
    async fn house(&self) -> House {
        let house = House::open().await;
        house.say(routes(2, "RUNNING", self.address, HOST)).await;
        house
    }

    fn connections_so_far(&self) -> usize {
        self.shared.connections.borrow().0
    }

    async fn open_connections(&self, wanted: usize) {
        let mut connections = self.shared.connections.subscribe();
        let wait = connections.wait_for(|(_, open)| *open == wanted);
        soon(wait).await.unwrap();
    }

    async fn calls(&self, wanted: usize) {
        let mut calls = self.shared.calls.subscribe();
        soon(calls.wait_for(|it| *it >= wanted)).await.unwrap();
    }
}

async fn serve(stream: TcpStream, shared: &Shared) {
    let mut held = Vec::new();
    let Ok(mut connection) = handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        shared.calls.send_modify(|it| *it += 1);
        match request.uri().path() {
            "/t/Hold" => held.push((request, respond)),
            "/t/Refuse" => respond.send_reset(Reason::REFUSED_STREAM),
            "/t/Die" => return,
            "/t/Goodbye" => {
                answer(&request, respond, 5);
                connection.graceful_shutdown();
            }
            "/t/Large" => answer(&request, respond, LARGE_BYTES),
            _ => answer(&request, respond, 5),
        }
    }
}

fn answer(request: &Request<RecvStream>, mut respond: SendResponse<Bytes>, bytes: usize) {
    let response = Response::builder()
        .header("content-type", "application/grpc")
        .header("x-target", request.uri().to_string())
        .header("x-te", request.headers().get("te").cloned().unwrap())
        .header("x-hosts", request.headers().get_all("host").iter().count());
    let head = response.body(()).unwrap();
    let mut body = respond.send_response(head, false).unwrap();
    body.send_data(Bytes::from(vec![b'x'; bytes]), false)
        .unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", 0.into());
    body.send_trailers(trailers).unwrap();
}

fn asked(method: &str) -> Request<Full<Bytes>> {
    let fields = [
        ("content-type", "application/grpc+proto"),
        ("te", "trailers"),
    ];
    let mut request = request(Method::POST, HOST, &format!("/t/{method}"), &fields);
    *request.body_mut() = Full::from("hello");
    request
}

async fn call(sender: &mut SendRequest<Full<Bytes>>, method: &str) -> Got {
    got(soon(sender.send_request(asked(method))).await.unwrap()).await
}

fn is_answered(got: &Got) -> bool {
    let status = got.trailers.as_ref().map(|it| &it["grpc-status"]);
    got.status == 200 && got.code().is_none() && status.is_some_and(|it| it == "0")
}

/// What a call sees that the edge ended.
fn ended(got: &Got) -> (u16, &str, Option<&str>) {
    let status = got.headers["grpc-status"].to_str().unwrap();
    (got.status, status, got.code())
}

#[tokio::test]
async fn calls_share_a_connection_that_is_dialled_once() {
    let server = Server::start().await;
    let house = server.house().await;
    let sender = house.visitor().h2(HOST).await;
    let calls = (0..50).map(|_| {
        let mut sender = sender.clone();
        async move { call(&mut sender, "Answer").await }
    });
    for got in join_all(calls).await {
        assert!(is_answered(&got), "{got:?}");
        let target = format!("http://{HOST}/t/Answer");
        assert_eq!(got.headers["x-target"], target.as_str());
        assert_eq!(
            (&got.headers["x-te"], &got.headers["x-hosts"]),
            (&"trailers".parse().unwrap(), &"0".parse().unwrap())
        );
    }
    assert_eq!(server.connections_so_far(), 1);
}

#[tokio::test]
async fn more_calls_than_a_connection_takes_open_another() {
    let server = Server::start().await;
    let house = server.house().await;
    let visitors = [
        house.visitor().h2(HOST).await,
        house.visitor().h2(HOST).await,
    ];
    let mut held = JoinSet::new();
    for number in 0..=STREAMS_MAX {
        let mut sender = visitors[number % 2].clone();
        held.spawn(async move { sender.send_request(asked("Hold")).await });
    }
    server.calls(STREAMS_MAX + 1).await;
    server.open_connections(2).await;
    assert_eq!(server.connections_so_far(), 2);
    // Calls that were given up make room.
    held.shutdown().await;
    let mut sender = visitors[0].clone();
    assert!(is_answered(&call(&mut sender, "Answer").await));
    assert_eq!(server.connections_so_far(), 2);
}

#[tokio::test]
async fn a_connection_that_ends_is_replaced() {
    let server = Server::start().await;
    let house = server.house().await;
    let mut sender = house.visitor().h2(HOST).await;
    assert!(is_answered(&call(&mut sender, "Goodbye").await));
    assert!(is_answered(&call(&mut sender, "Answer").await));
    assert_eq!(server.connections_so_far(), 2);
    let broken = call(&mut sender, "Die").await;
    assert_eq!(ended(&broken), (200, "14", Some("UPSTREAM_ERROR")));
    assert!(is_answered(&call(&mut sender, "Answer").await));
    assert_eq!(server.connections_so_far(), 3);
}

#[tokio::test]
async fn a_refused_call_ends_alone_and_may_be_tried_again() {
    let server = Server::start().await;
    let house = server.house().await;
    let mut sender = house.visitor().h2(HOST).await;
    let refused = call(&mut sender, "Refuse").await;
    assert_eq!(ended(&refused), (200, "14", Some("UPSTREAM_ERROR")));
    assert!(refused.body.is_empty());
    assert!(is_answered(&call(&mut sender, "Answer").await));
    assert_eq!(server.connections_so_far(), 1);
}

#[tokio::test]
async fn a_connection_is_let_go_when_its_route_changes() {
    let server = Server::start().await;
    let house = server.house().await;
    let mut sender = house.visitor().h2(HOST).await;
    assert!(is_answered(&call(&mut sender, "Answer").await));
    server.open_connections(1).await;
    house.say(routes(2, "STOPPING", server.address, HOST)).await;
    server.open_connections(0).await;
    let refused = call(&mut sender, "Answer").await;
    assert_eq!(ended(&refused), (200, "14", Some("SPACE_NOT_RUNNING")));
}

#[tokio::test]
async fn who_does_not_read_keeps_nobody_else_from_reading() {
    let server = Server::start().await;
    let house = server.house().await;
    let mut lazy = Vec::new();
    let mut idler = house.visitor().h2(HOST).await;
    for _ in 0..STREAMS_MAX / 2 {
        lazy.push(soon(idler.send_request(asked("Large"))).await.unwrap());
    }
    let mut sender = house.visitor().h2(HOST).await;
    let got = call(&mut sender, "Large").await;
    assert!(is_answered(&got) && got.body.len() == LARGE_BYTES);
    assert_eq!(server.connections_so_far(), 1);
    let late = lazy.remove(0).into_body().collect();
    assert_eq!(soon(late).await.unwrap().to_bytes().len(), LARGE_BYTES);
}

#[tokio::test]
async fn a_space_that_speaks_http_1_alone_ends_calls_and_nothing_else() {
    let house = House::open().await;
    let mut sender = house.visitor().h2(crate::harness::HOST).await;
    let mut wrong = asked("Answer");
    *wrong.uri_mut() = format!("https://{}/t/Answer", crate::harness::HOST)
        .parse()
        .unwrap();
    let refused = got(soon(sender.send_request(wrong)).await.unwrap()).await;
    assert_eq!(ended(&refused), (200, "14", Some("UPSTREAM_ERROR")));
    assert_eq!(house.get(crate::harness::HOST, "/").await.status, 200);
}

/// One end of a connection, frame by frame. It answers as RFC 9113 asks for, and nothing else.
struct Frames<S>(S);

impl<S: AsyncRead + AsyncWrite + Unpin> Frames<S> {
    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let frame = frame(kind, flags, stream, payload);
        self.0.write_all(&frame).await.unwrap();
    }

    /// The kind of the next frame that isn't an answer to one of ours.
    async fn next(&mut self) -> u8 {
        const ACK: u8 = 1;
        loop {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.0.read_exact(&mut payload).await.unwrap();
            match (head[3], head[4] & ACK) {
                (SETTINGS, 0) => self.send(SETTINGS, ACK, 0, &[]).await,
                (PING, 0) => self.send(PING, ACK, 0, &payload).await,
                (SETTINGS | PING, _) => continue,
                _ => {}
            }
            return head[3];
        }
    }
}

/// gRPC servers end the connections of whoever sends many.
#[tokio::test]
async fn a_space_gets_no_pings_while_a_call_is_quiet() {
    let house = House::open_with(&[("SPACEPORT_EDGE_HTTP2_PING_SECONDS", "0.05")]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    house.say(routes(2, "RUNNING", address, HOST)).await;

    let stream = house.visitor().connect(HOST, &["h2"]).await.unwrap();
    let mut visitor = Frames(stream);
    visitor.0.write_all(PREFACE).await.unwrap();
    visitor.send(SETTINGS, 0, 0, &[]).await;
    let call = [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", HOST),
        (":path", "/t/Hold"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    visitor.send(HEADERS, END_HEADERS, 1, &block(&call)).await;

    let (stream, _) = soon(listener.accept()).await.unwrap();
    let mut space = Frames(stream);
    let mut preface = [0; PREFACE.len()];
    soon(space.0.read_exact(&mut preface)).await.unwrap();
    space.send(SETTINGS, 0, 0, &[]).await;
    while soon(space.next()).await != HEADERS {}
    let pings = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&pings);
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        loop {
            let kind = space.next().await;
            counted.fetch_add(usize::from(kind == PING), Ordering::Relaxed);
        }
    });
    // The edge asks the visitor meanwhile, as often as it would ask a space.
    for _ in 0..5 {
        while soon(visitor.next()).await != PING {}
    }
    assert_eq!(pings.load(Ordering::Relaxed), 0);
}
