//! Visitors of the edge.

use std::{io, net::SocketAddr, path::Path, sync::Arc};

use reqwest::{
    Certificate, Version,
    dns::{Addrs, Name, Resolve, Resolving},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::{PATIENCE, client::install_crypto, in_time};

/// Somebody who trusts the development CA and finds every hostname at the edge.
#[derive(Clone)]
pub struct Visitor {
    edge: SocketAddr,
    http1: reqwest::Client,
    http2: reqwest::Client,
    tls: TlsConnector,
}

/// An answer of the edge, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The HTTP version.
    pub version: Version,
    /// The header fields.
    pub headers: reqwest::header::HeaderMap,
    /// The body.
    pub body: String,
}

impl Answer {
    /// A header field as text; empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|it| it.to_str().ok()).unwrap_or_default()
    }

    /// The edge's own reason for the answer; empty when the space answered.
    pub fn code(&self) -> &str {
        self.header("x-spaceport-error")
    }
}

struct AtEdge(SocketAddr);

impl Resolve for AtEdge {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(std::iter::once(self.0));
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

impl Visitor {
    pub(crate) fn new(edge: SocketAddr, ca: &Path) -> Self {
        install_crypto();
        let pem = std::fs::read(ca).expect("the development CA's certificate");
        let trusting = || {
            let root = Certificate::from_pem(&pem).expect("a certificate");
            reqwest::Client::builder()
                .no_proxy()
                .timeout(PATIENCE)
                .redirect(reqwest::redirect::Policy::none())
                .dns_resolver(Arc::new(AtEdge(edge)))
                .tls_certs_only([root])
        };
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(&pem).expect("a certificate");
        roots.add(root).expect("a certificate of an authority");
        let mut tls = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self {
            edge,
            http1: trusting().http1_only().build().expect("a client"),
            http2: trusting()
                .http2_prior_knowledge()
                .build()
                .expect("a client"),
            tls: TlsConnector::from(Arc::new(tls)),
        }
    }

    /// GETs a page by HTTP/1.1.
    pub async fn get(&self, url: &str) -> Answer {
        self.get_with(url, &[]).await
    }

    /// GETs a page by HTTP/2.
    pub async fn get_http2(&self, url: &str) -> Answer {
        read(self.http2.get(url)).await.expect("the edge answers")
    }

    /// GETs a page by HTTP/1.1 with header fields of the caller's.
    pub async fn get_with(&self, url: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.http1.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request).await.expect("the edge answers")
    }

    /// GETs a page again and again until the answer is as wanted.
    pub async fn get_until(
        &self,
        url: &str,
        what: &str,
        is_so: impl Fn(&Answer) -> bool,
    ) -> Answer {
        in_time(what, async {
            loop {
                let answer = self.get(url).await;
                if is_so(&answer) {
                    return answer;
                }
                tokio::time::sleep(std::time::Duration::from_millis(25)).await;
            }
        })
        .await
    }

    /// Opens a connection for `host` that speaks `protocol`, named as in ALPN.
    ///
    /// # Errors
    /// Nobody takes it, or the handshake fails.
    pub async fn connect(&self, host: &str, protocol: &str) -> io::Result<TlsStream<TcpStream>> {
        self.encrypt(TcpStream::connect(self.edge).await?, host, protocol)
            .await
    }

    /// The same by a connection that there is.
    ///
    /// # Errors
    /// The handshake fails.
    pub async fn encrypt(
        &self,
        stream: TcpStream,
        host: &str,
        protocol: &str,
    ) -> io::Result<TlsStream<TcpStream>> {
        let mut tls = ClientConfig::clone(self.tls.config());
        tls.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let name = ServerName::try_from(host.to_owned()).expect("a hostname");
        TlsConnector::from(Arc::new(tls))
            .connect(name, stream)
            .await
    }

    /// Opens a WebSocket by HTTP/1.1.
    pub async fn websocket(&self, url: &str) -> WebSocketStream<TlsStream<TcpStream>> {
        let url: reqwest::Url = url.parse().expect("a URL");
        let host = url.host_str().expect("a hostname").to_owned();
        let stream = TcpStream::connect(self.edge)
            .await
            .expect("the edge listens");
        let name = ServerName::try_from(host.clone()).expect("a hostname");
        let stream = self.tls.connect(name, stream).await.expect("TLS");
        let url = format!("wss://{host}:{}{}", self.edge.port(), url.path());
        let opened = in_time("a WebSocket", Box::pin(client_async(url, stream))).await;
        opened.expect("the upgrade").0
    }
}

async fn read(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
    let answer = request.send().await?;
    Ok(Answer {
        status: answer.status().as_u16(),
        version: answer.version(),
        headers: answer.headers().clone(),
        body: answer.text().await?,
    })
}
