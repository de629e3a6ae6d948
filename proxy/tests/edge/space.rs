//! What runs in a space: a small server that tells what it got.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinSet,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::derive_accept_key, protocol::Role},
};

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A server; it ends when it is dropped.
pub(crate) struct Space {
    pub(crate) address: SocketAddr,
    pub(crate) shared: Arc<Shared>,
    server: tokio::task::JoinHandle<()>,
}

/// What a test sees and steers.
#[derive(Default)]
pub(crate) struct Shared {
    /// Connections so far, and open now.
    pub(crate) connections: watch::Sender<(usize, usize)>,
    /// Requests so far.
    pub(crate) requests: watch::Sender<usize>,
    /// What waits, waits for a permit.
    pub(crate) gate: Gate,
}

pub(crate) struct Gate(pub(crate) Semaphore);

impl Default for Gate {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Gate {
    pub(crate) fn open(&self) {
        self.0.add_permits(1);
    }

    async fn pass(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Space {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let server = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            server,
        }
    }

    /// Waits until so many connections are open.
    pub(crate) async fn open_connections(&self, wanted: usize) {
        let mut connections = self.shared.connections.subscribe();
        crate::soon(connections.wait_for(|(_, open)| *open == wanted))
            .await
            .unwrap();
    }

    /// Waits until so many requests have come.
    pub(crate) async fn requests(&self, wanted: usize) {
        let mut requests = self.shared.requests.subscribe();
        crate::soon(requests.wait_for(|it| *it >= wanted))
            .await
            .unwrap();
    }

    pub(crate) fn connections_so_far(&self) -> usize {
        self.shared.connections.borrow().0
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let shared = Arc::clone(&shared);
        shared
            .connections
            .send_modify(|(all, open)| (*all, *open) = (*all + 1, *open + 1));
        connections.spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&shared)));
            let connection = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            let _ = connection.await;
            shared.connections.send_modify(|(_, open)| *open -= 1);
        });
    }
}

pub(crate) async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Body>, Infallible> {
    shared.requests.send_modify(|it| *it += 1);
    let query = request.uri().query().unwrap_or_default().to_owned();
    let path = request.uri().path();
    // Files are below other paths.
    let path = path.strip_prefix("/fs").or(path.strip_prefix("/home"));
    let path = path.unwrap_or(request.uri().path());
    Ok(match path {
        "/events" => events(shared),
        "/bytes" => bytes(query.parse().unwrap()),
        "/trailers" => trailers(request, "x-sum").await,
        "/digest" => trailers(request, "spaceport-digest").await,
        "/websocket" => websocket(request, &query),
        "/refuse" => {
            let mut response = echo(request).await;
            *response.status_mut() = StatusCode::FORBIDDEN;
            response
        }
        "/wait" => {
            shared.gate.pass().await;
            Response::new(full("waited"))
        }
        "/close" => {
            // The connection ends a moment after the response, without a word before.
            let mut response = Response::new(full("bye"));
            response
                .headers_mut()
                .insert("connection", HeaderValue::from_static("close"));
            response
        }
        "/forged" => {
            let mut response = Response::new(full("forged"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            for (name, value) in [
                ("x-spaceport-error", "UNKNOWN_HOST"),
                ("x-request-id", "mine"),
                ("keep-alive", "timeout=5"),
                ("set-cookie", "a=b"),
            ] {
                response
                    .headers_mut()
                    .insert(name, HeaderValue::from_static(value));
            }
            response
        }
        "/policy" => {
            let mut response = Response::new(full("framed"));
            let policy = HeaderValue::from_static("frame-ancestors *; img-src 'self'");
            let fields = response.headers_mut();
            fields.insert("content-security-policy", policy);
            response
        }
        _ => echo(request).await,
    })
}

fn full(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).boxed_unsync()
}

/// Everything about a request, as JSON.
async fn echo(request: Request<Incoming>) -> Response<Body> {
    let (parts, mut body) = request.into_parts();
    let (mut length, mut sum, mut trailers) = (0, 0_u64, HeaderMap::new());
    while let Some(Ok(frame)) = body.frame().await {
        match frame.into_data() {
            Ok(data) => {
                length += data.len();
                sum = data
                    .iter()
                    .fold(sum, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
            }
            Err(frame) => trailers = frame.into_trailers().unwrap_or_default(),
        }
    }
    let fields = |map: &HeaderMap| {
        map.iter()
            .map(|(name, value)| json!([name.as_str(), value.to_str().unwrap()]))
            .collect::<Vec<_>>()
    };
    let got = json!({
        "method": parts.method.as_str(), "target": parts.uri.to_string(),
        "version": format!("{:?}", parts.version), "headers": fields(&parts.headers),
        "length": length, "sum": sum, "trailers": fields(&trailers),
    });
    Response::new(full(got.to_string()))
}

/// One event, and the next only when the gate opens.
fn events(shared: Arc<Shared>) -> Response<Body> {
    let events = stream::unfold(0, move |number| {
        let shared = Arc::clone(&shared);
        async move {
            if number > 0 {
                shared.gate.pass().await;
            }
            let event = Bytes::from(format!("data: {number}\n\n"));
            (number < 3).then(|| (Ok(Frame::data(event)), number + 1))
        }
    });
    let mut response = Response::new(StreamBody::new(events).boxed_unsync());
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert("content-type", kind);
    response
}

/// So many bytes, a piece at a time.
fn bytes(length: usize) -> Response<Body> {
    let piece = Bytes::from(vec![b'x'; 64 << 10]);
    let frames = stream::unfold(length, move |left| {
        let part = piece.slice(..left.min(piece.len()));
        async move { (left > 0).then(|| (Ok(Frame::data(part.clone())), left - part.len())) }
    });
    Response::new(StreamBody::new(frames).boxed_unsync())
}

/// Gives back the trailer `name`.
async fn trailers(request: Request<Incoming>, name: &'static str) -> Response<Body> {
    let seen = request.into_body().collect().await.unwrap();
    let sum = seen.trailers().and_then(|it| it.get(name)).cloned();
    let mut trailers = HeaderMap::new();
    trailers.insert(name, sum.unwrap_or(HeaderValue::from_static("none")));
    let frames = [
        Ok(Frame::data(Bytes::from("body"))),
        Ok(Frame::trailers(trailers)),
    ];
    let mut response = Response::new(StreamBody::new(stream::iter(frames)).boxed_unsync());
    response
        .headers_mut()
        .insert("trailer", HeaderValue::from_static(name));
    response
}

/// Echoes messages; `forged` agrees without having read the key.
fn websocket(mut request: Request<Incoming>, query: &str) -> Response<Body> {
    let mut key = derive_accept_key(request.headers()["sec-websocket-key"].as_bytes());
    if query == "forged" {
        key = derive_accept_key(b"forged");
    }
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let stream = TokioIo::new(upgrade.await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            if message.is_close() || socket.send(message).await.is_err() {
                break;
            }
        }
    });
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    for (name, value) in [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-accept", key.as_str()),
        ("x-app", "kept"),
    ] {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// A server that answers every connection's first request and then hangs up on the second, the way
/// a server does whose idle time ends just then.
pub(crate) async fn hangs_up_on_reuse() -> (SocketAddr, tokio::task::JoinHandle<()>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst";
                let _ = stream.write_all(answer).await;
                let _ = stream.read(&mut buffer).await;
            });
        }
    });
    (address, server)
}

/// A port where nobody listens, below those that the kernel hands out: what binds any port or connects
/// doesn't get it. No two calls get the same.
pub(crate) fn closed_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const PORTS: Range<u32> = 20_000..26_000;
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = std::process::id().wrapping_mul(97).wrapping_add(step);
        let port = PORTS.start + offset % (PORTS.end - PORTS.start);
        let port = u16::try_from(port).unwrap();
        if std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// Long enough for anything that happens at all.
pub(crate) const SOON: Duration = Duration::from_mins(1);
