//! What is put on a server, and how it is counted.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, StatusCode,
    client::conn::http2::{self, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::TcpStream, task::JoinSet};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Bytes as Payload, Message},
};

use super::{
    site::{HOST, Site},
    upstream::SMALL_BYTES,
    visitor::{Visitor, connect},
};

/// How many visitors there are at once.
const VISITORS: usize = 64;
/// How many connections HTTP/2 has for them.
const HTTP2_CONNECTIONS: usize = 8;
/// How many large bodies are under way at once.
const LARGE_BODIES: usize = 2;
/// How many connections are opened at the same time.
const HANDSHAKES: usize = 16;
/// What one unit may take at most.
const UNIT_TIMEOUT: Duration = Duration::from_secs(20);

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Small answers over kept connections.
    KeepAlive,
    /// Small answers over few connections by HTTP/2.
    Http2,
    /// A connection with a full handshake and one small answer.
    Handshakes,
    /// Large bodies to the visitor.
    Download,
    /// Large bodies to the upstream.
    Upload,
    /// Messages of 1 KiB there and back.
    WebSocket,
}

/// One of those who keep a server busy.
pub enum Session {
    Plain(Box<Visitor>),
    Http2(SendRequest<Empty<Bytes>>),
    /// Connects anew for every request.
    New(Arc<Site>, SocketAddr),
    WebSocket(Box<WebSocketStream<TlsStream<TcpStream>>>),
}

impl Load {
    /// Every row, in the order of the report.
    pub const ALL: [Self; 6] = [
        Self::KeepAlive,
        Self::Http2,
        Self::Handshakes,
        Self::Download,
        Self::Upload,
        Self::WebSocket,
    ];

    /// The row's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeepAlive => "TLS keep-alive, 64 connections, 1 KiB",
            Self::Http2 => "HTTP/2, 8 connections × 8 streams, 1 KiB",
            Self::Handshakes => "new handshakes, one request each",
            Self::Download => "100 MiB to the visitor",
            Self::Upload => "100 MiB from the visitor",
            Self::WebSocket => "WebSocket echo, 64 connections, 1 KiB",
        }
    }

    /// What names the row when it is run alone.
    pub const fn key(self) -> &'static str {
        match self {
            Self::KeepAlive => "keep-alive",
            Self::Http2 => "http2",
            Self::Handshakes => "handshakes",
            Self::Download => "download",
            Self::Upload => "upload",
            Self::WebSocket => "websocket",
        }
    }

    /// The highest ratio of CPU to nginx's that is aimed at.
    pub const fn aim(self) -> f64 {
        match self {
            Self::Handshakes => 0.5,
            _ => 1.0,
        }
    }
}

/// Connects everybody whom `load` takes.
pub async fn open(
    load: Load,
    site: &Arc<Site>,
    address: SocketAddr,
) -> anyhow::Result<Vec<Session>> {
    let mut sessions = Vec::new();
    let count = match load {
        Load::KeepAlive | Load::WebSocket => VISITORS,
        Load::Http2 => HTTP2_CONNECTIONS,
        Load::Handshakes => HANDSHAKES,
        Load::Download | Load::Upload => LARGE_BODIES,
    };
    for _ in 0..count {
        match load {
            Load::KeepAlive | Load::Download | Load::Upload => {
                let visitor = Visitor::connect(site, address).await?;
                sessions.push(Session::Plain(Box::new(visitor)));
            }
            Load::Http2 => {
                let stream = connect(site, &site.http2, address).await?;
                let (sender, connection) =
                    http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
                // Its error reaches the visitors through the sender.
                tokio::spawn(connection);
                let streams = VISITORS / HTTP2_CONNECTIONS;
                sessions.extend((0..streams).map(|_| Session::Http2(sender.clone())));
            }
            Load::Handshakes => sessions.push(Session::New(Arc::clone(site), address)),
            Load::WebSocket => {
                let stream = connect(site, &site.http1, address).await?;
                let (socket, _) =
                    Box::pin(client_async(format!("ws://{HOST}/socket"), stream)).await?;
                sessions.push(Session::WebSocket(Box::new(socket)));
            }
        }
    }
    Ok(sessions)
}

/// Keeps everybody busy until `until`, and counts the units that were completed.
pub async fn run(load: Load, sessions: Vec<Session>, until: Instant) -> anyhow::Result<u64> {
    let mut tasks = JoinSet::new();
    for mut session in sessions {
        tasks.spawn(async move {
            let mut units = 0;
            while Instant::now() < until {
                let unit = tokio::time::timeout(UNIT_TIMEOUT, session.one(load));
                unit.await.context("a unit takes too long")??;
                units += 1;
            }
            anyhow::Ok((units, session))
        });
    }
    let mut total = 0;
    // Kept until the last one is done: ending a connection is work that isn't measured.
    let mut done = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        let (units, session) = ended??;
        total += units;
        done.push(session);
    }
    ensure!(total > 0, "nothing was completed");
    Ok(total)
}

impl Session {
    async fn one(&mut self, load: Load) -> anyhow::Result<()> {
        match self {
            Self::Plain(visitor) => match load {
                Load::Download => visitor.get("/download").await,
                Load::Upload => visitor.upload().await,
                _ => visitor.get("/small").await,
            },
            Self::Http2(sender) => ask(sender).await,
            Self::New(site, address) => {
                let mut visitor = Visitor::connect(site, *address).await?;
                visitor.get("/small").await?;
                visitor.close().await
            }
            Self::WebSocket(socket) => {
                let payload = Payload::from_static(&[b'x'; SMALL_BYTES]);
                socket.send(Message::Binary(payload)).await?;
                let answer = socket.next().await.context("the WebSocket ended")??;
                ensure!(answer.len() == SMALL_BYTES, "not the same message");
                Ok(())
            }
        }
    }
}

async fn ask(sender: &mut SendRequest<Empty<Bytes>>) -> anyhow::Result<()> {
    let request = Request::get(format!("https://{HOST}/small")).body(Empty::new())?;
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    ensure!(
        response.status() == StatusCode::OK,
        "status {}",
        response.status()
    );
    let mut body = response.into_body();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame?.data_ref().map_or(0, Bytes::len);
    }
    ensure!(length == SMALL_BYTES, "{length} bytes came");
    Ok(())
}
