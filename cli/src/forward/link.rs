//! The one HTTP/2 connection, which is made again when it breaks.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header::COOKIE};
use http_body_util::Empty;
use hyper::{
    client::conn::http2::{self, SendRequest},
    ext::Protocol,
    upgrade::Upgraded,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{sync::Mutex, time::timeout};

use crate::{
    dial::{self, Speaks},
    edge::{Entered, Place},
    failure::Failure,
    http as client,
};

/// What is spoken on a stream (RFC 8441 §4): the bytes of a TCP connection.
const PROTOCOL: &str = "spaceport-tcp";
/// A path of every host that no space is asked for; its answer shows that the settings of the edge
/// have come, without which no extended `CONNECT` may be sent (RFC 8441 §3).
const OWN_PATH: &str = "/.spaceport/";
/// What may come on one stream, and on all of them, before it is read.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;
/// How often it is asked whether the edge is there, and for its answer.
const PING: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(10));
/// For the edge to take a connection into the space.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);

type Sender = SendRequest<Empty<Bytes>>;

/// A connection to the edge over which ports are reached.
#[derive(Debug, Default)]
pub struct Link {
    sender: Mutex<Option<Sender>>,
}

impl Link {
    /// A connection to a port of a space.
    ///
    /// # Errors
    /// Nothing listens there, or the edge can't be reached or doesn't let in who asks.
    pub async fn open(&self, port: &Place<'_>) -> Result<TokioIo<Upgraded>, Failure> {
        let opening = async {
            let entered = port.enter().await?;
            match self.connect(port, &entered).await {
                Err((StatusCode::UNAUTHORIZED, _)) => {
                    let entered = port.enter_anew().await?;
                    self.connect(port, &entered).await.map_err(|it| it.1)
                }
                connected => connected.map_err(|it| it.1),
            }
        };
        match timeout(OPEN_TIMEOUT, opening).await {
            Ok(opened) => opened,
            Err(_) => Err(Failure::unreachable("the edge did not answer in time")),
        }
    }

    async fn connect(
        &self,
        port: &Place<'_>,
        entered: &Entered,
    ) -> Result<TokioIo<Upgraded>, (StatusCode, Failure)> {
        let unclear = |failure| (StatusCode::BAD_GATEWAY, failure);
        let mut sender = self.sender(port, entered).await.map_err(unclear)?;
        let uri = client::https(&entered.authority, "/").map_err(unclear)?;
        let request = Request::builder()
            .method(Method::CONNECT)
            .uri(uri)
            .header(COOKIE, &entered.cookie)
            .header(http::header::ACCEPT, "application/json")
            .extension(Protocol::from_static(PROTOCOL))
            .body(Empty::new())
            .map_err(|error| unclear(Failure::refused("INVALID_REQUEST", error.to_string())))?;
        let response = match sender.send_request(request).await {
            Ok(response) => response,
            Err(error) => {
                // Whatever it was, a new connection is the way to find out whether it lasts.
                self.sender.lock().await.take();
                let (host, port) = (entered.authority.host(), entered.authority.port_u16());
                let failure = dial::unreachable(host, port.unwrap_or(443), &error);
                return Err(unclear(failure));
            }
        };
        let status = response.status();
        if status != StatusCode::OK {
            return Err((status, port.refusal(response).await));
        }
        let upgraded = hyper::upgrade::on(response).await;
        let upgraded = upgraded
            .map_err(|error| unclear(Failure::unreachable(format!("the stream broke: {error}"))))?;
        Ok(TokioIo::new(upgraded))
    }

    /// What sends on the connection there is, or on a new one.
    async fn sender(&self, port: &Place<'_>, entered: &Entered) -> Result<Sender, Failure> {
        let mut kept = self.sender.lock().await;
        if let Some(sender) = kept.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok(sender.clone());
        }
        let sender = handshake(port, entered).await?;
        Ok(kept.insert(sender).clone())
    }
}

async fn handshake(port: &Place<'_>, entered: &Entered) -> Result<Sender, Failure> {
    let uri = client::https(&entered.authority, OWN_PATH)?;
    let (host, number) = client::host_and_port(&uri);
    let unreachable =
        |error: &(dyn std::error::Error + 'static)| dial::unreachable(host, number, error);
    let dialer = &port.session.api.http.dialer;
    let stream = dialer.dial(host, number, true, Speaks::Http2).await;
    let stream = stream.map_err(|error| unreachable(&error))?;
    let (interval, patience) = PING;
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(interval)
        .keep_alive_timeout(patience)
        .keep_alive_while_idle(true)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| unreachable(&error))?;
    tokio::spawn(async move {
        // Its error reaches whoever uses the connection.
        let _ = connection.await;
    });
    let hello = Request::get(uri.clone()).body(Empty::new());
    let hello = hello.map_err(|error| Failure::refused("INVALID_REQUEST", error.to_string()))?;
    let answer = sender.send_request(hello).await;
    answer.map_err(|error| unreachable(&error))?;
    Ok(sender)
}

/// A link that several ports share.
pub type SharedLink = Arc<Link>;
