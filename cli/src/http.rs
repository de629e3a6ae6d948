//! An HTTP/1.1 client with kept connections.

use std::{
    error::Error,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, Uri, uri::Authority};
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use hyper::{
    body::Incoming,
    rt::{Read, ReadBufCursor, Write},
};
use hyper_util::{
    client::legacy::{
        Client as Pool,
        connect::{Connected, Connection},
    },
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tower::Service;

use crate::{
    dial::{self, Dialer, Speaks, Stream},
    failure::Failure,
};

/// How long a connection is kept without requests. Servers keep theirs somewhat longer.
const IDLE: Duration = Duration::from_secs(20);
/// The port of plain HTTP (RFC 9110 §4.2.1).
const HTTP_PORT: u16 = 80;
/// The port of HTTPS (RFC 9110 §4.2.2).
const HTTPS_PORT: u16 = 443;

/// A body that is sent.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A body without content.
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body that is all there.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// Sends requests.
#[derive(Clone, Debug)]
pub struct Http {
    pool: Pool<Connector, Body>,
    /// What makes its connections.
    pub dialer: Dialer,
}

impl Http {
    /// A client whose connections `dialer` makes.
    pub fn new(dialer: Dialer) -> Self {
        let connector = Connector(dialer.clone());
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Self { pool, dialer }
    }

    /// The response to `request`, whose URI is absolute. Redirects are not followed.
    ///
    /// # Errors
    /// Nobody answers; what is sent says of whom.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, Failure> {
        let (host, port) = host_and_port(request.uri());
        let host = host.to_owned();
        let sent = self.pool.request(request).await;
        sent.map_err(|error| dial::unreachable(&host, port, &error))
    }
}

/// The host and the port that a URI names.
pub fn host_and_port(uri: &Uri) -> (&str, u16) {
    let default = if is_tls(uri) { HTTPS_PORT } else { HTTP_PORT };
    let host = uri.host().unwrap_or_default();
    (host, uri.port_u16().unwrap_or(default))
}

/// Whether a URI asks for TLS.
pub fn is_tls(uri: &Uri) -> bool {
    uri.scheme_str() == Some("https")
}

/// `https://<authority><path_and_query>`.
pub fn https(authority: &Authority, path_and_query: &str) -> Result<Uri, Failure> {
    Uri::builder()
        .scheme("https")
        .authority(authority.clone())
        .path_and_query(path_and_query)
        .build()
        .map_err(|error| Failure::refused("INVALID_URL", error.to_string()))
}

#[derive(Clone, Debug)]
struct Connector(Dialer);

impl Service<Uri> for Connector {
    type Response = Connecting;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Connecting>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = self.0.clone();
        Box::pin(async move {
            let (host, port) = host_and_port(&uri);
            let stream = dialer.dial(host, port, is_tls(&uri), Speaks::Http1).await?;
            Ok(Connecting(TokioIo::new(stream)))
        })
    }
}

/// A connection as the pool wants it.
#[derive(Debug)]
struct Connecting(TokioIo<Stream>);

impl Connection for Connecting {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Connecting {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(context, buffer)
    }
}

impl Write for Connecting {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(context, buffer)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(context)
    }
}

/// A body whole, if it has at most `bytes_max`.
pub async fn read_whole<B>(body: B, bytes_max: usize) -> Result<Bytes, Failure>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let limited = http_body_util::Limited::new(body, bytes_max);
    let collected = limited.collect().await;
    collected
        .map(http_body_util::Collected::to_bytes)
        .map_err(|error| Failure::unreachable(format!("the answer broke off: {error}")))
}
