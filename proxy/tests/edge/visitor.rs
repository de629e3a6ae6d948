//! A browser, or something that pretends to be one.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Body,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Trusts the edge's CA and connects to the edge whatever the hostname.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) edge: SocketAddr,
    pub(crate) tls: Arc<ClientConfig>,
}

impl Visitor {
    pub(crate) fn new(edge: SocketAddr, ca: &std::path::Path) -> Self {
        let pem = std::fs::read(ca).unwrap();
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(&pem).unwrap())
            .unwrap();
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            edge,
            tls: Arc::new(tls),
        }
    }

    /// A connection for `host`, agreed on one of `protocols`.
    pub(crate) async fn connect(
        &self,
        host: &str,
        protocols: &[&str],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.edge).await?;
        self.encrypt(host, protocols, stream).await
    }

    /// The same by a connection that there is.
    pub(crate) async fn encrypt(
        &self,
        host: &str,
        protocols: &[&str],
        stream: TcpStream,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut tls = ClientConfig::clone(&self.tls);
        tls.alpn_protocols = protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
        let name = ServerName::try_from(host.to_owned()).unwrap();
        TlsConnector::from(Arc::new(tls))
            .connect(name, stream)
            .await
    }

    pub(crate) async fn h1<B>(&self, host: &str) -> http1::SendRequest<B>
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
        B: Send + 'static,
    {
        let stream = self.connect(host, &["http/1.1"]).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    pub(crate) async fn h2<B>(&self, host: &str) -> http2::SendRequest<B>
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
        B: Unpin + Send + 'static,
    {
        let stream = self.connect(host, &["h2"]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        sender
    }

    /// Asks once, on a connection of its own.
    pub(crate) async fn ask(&self, version: Version, request: Request<Full<Bytes>>) -> Got {
        let host = request.uri().host().unwrap().to_owned();
        let response = if version == Version::HTTP_2 {
            crate::soon(self.h2(&host).await.send_request(request)).await
        } else {
            crate::soon(self.h1(&host).await.send_request(as_h1(request))).await
        };
        got(response.unwrap()).await
    }

    /// Gets `path` of `host` by HTTP/1.1.
    pub(crate) async fn get(&self, host: &str, path: &str) -> Got {
        self.ask(Version::HTTP_11, request(Method::GET, host, path, &[]))
            .await
    }

    /// Sends `bytes` as they are, and reads until the edge closes.
    pub(crate) async fn raw(&self, host: &str, bytes: &str) -> String {
        let mut stream = self.connect(host, &["http/1.1"]).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // The edge may close without a TLS goodbye when it is told nonsense.
        let _ = crate::soon(stream.read_to_end(&mut answer)).await;
        String::from_utf8(answer).unwrap()
    }
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Got {
    /// The stable code of an answer of the edge's own.
    pub(crate) fn code(&self) -> Option<&str> {
        self.headers
            .get("x-spaceport-error")
            .map(|it| it.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// What a space that echoes got of the field `name`.
    pub(crate) fn echoed(&self, name: &str) -> Vec<String> {
        let json = self.json();
        let all = json["headers"].as_array().unwrap().iter();
        all.filter(|it| it[0] == name)
            .map(|it| it[1].as_str().unwrap().to_owned())
            .collect()
    }
}

pub(crate) async fn got<B>(response: Response<B>) -> Got
where
    B: Body<Error: std::fmt::Debug>,
{
    let (parts, body) = response.into_parts();
    let collected = crate::soon(body.collect()).await.unwrap();
    let trailers = collected.trailers().cloned();
    Got {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: collected.to_bytes(),
        trailers,
    }
}

/// A request as HTTP/2 spells it.
pub(crate) fn request(
    method: Method,
    host: &str,
    path: &str,
    fields: &[(&str, &str)],
) -> Request<Full<Bytes>> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("https://{host}{path}"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(Full::default()).unwrap()
}

/// The same request as HTTP/1.1 spells it.
pub(crate) fn as_h1<B>(mut request: Request<B>) -> Request<B> {
    let host = request.uri().authority().unwrap().as_str().parse().unwrap();
    request.headers_mut().insert("host", host);
    *request.uri_mut() = request
        .uri()
        .path_and_query()
        .unwrap()
        .as_str()
        .parse()
        .unwrap();
    request
}
