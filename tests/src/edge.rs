//! Visitors of the edge.

use std::{io, net::SocketAddr, path::Path, sync::Arc};

use reqwest::{
    Certificate, Method, Version,
    dns::{Addrs, Name, Resolve, Resolving},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, client::IntoClientRequest},
};

use crate::{PATIENCE, client::install_crypto, in_time};

/// Somebody who trusts one authority, most often the development CA, and finds every hostname at the edge.
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
    /// A visitor of `edge` who trusts the authority whose certificate is in the file `ca`.
    pub fn new(edge: SocketAddr, ca: &Path) -> Self {
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

    /// What asks by HTTP/2, for whoever wants to see an answer before it is whole.
    pub fn http2(&self) -> &reqwest::Client {
        &self.http2
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

    /// Sends a request of any method by HTTP/1.1, or by HTTP/2, and reads the answer whole.
    pub async fn send(
        &self,
        version: Version,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        read(self.request(version, method, url, headers))
            .await
            .expect("the edge answers")
    }

    /// GETs something whose answer doesn't end, and leaves it to be read.
    pub async fn open(&self, url: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let request = self.request(Version::HTTP_11, Method::GET, url, headers);
        request.send().await.expect("the edge answers")
    }

    fn request(
        &self,
        version: Version,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
    ) -> reqwest::RequestBuilder {
        let client = if version == Version::HTTP_2 {
            &self.http2
        } else {
            &self.http1
        };
        let mut request = client.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request
    }

    /// Sends `text` as it is, on a connection for `host`, and reads until the edge closes.
    pub async fn raw(&self, host: &str, text: &str) -> String {
        let mut stream = self.connect(host, "http/1.1").await.expect("TLS");
        stream.write_all(text.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        // The edge may close without a goodbye when it is told nonsense.
        let _ = in_time("the edge's end", stream.read_to_end(&mut answer)).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The certificate that a handshake for the host of `url` shows, verified.
    ///
    /// # Errors
    /// The handshake fails.
    pub async fn certificate(&self, url: &str) -> io::Result<CertificateDer<'static>> {
        let url: reqwest::Url = url.parse().expect("a URL");
        let host = url.host_str().expect("a hostname");
        let stream = self.connect(host, "http/1.1").await?;
        let chain = stream.get_ref().1.peer_certificates();
        Ok(chain.expect("a chain")[0].clone().into_owned())
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
        self.websocket_with(url, &[]).await.expect("the upgrade")
    }

    /// Opens a WebSocket by HTTP/1.1, with header fields of the caller's; else the status of the
    /// answer.
    pub async fn websocket_with(
        &self,
        url: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<WebSocketStream<TlsStream<TcpStream>>, u16> {
        let url: reqwest::Url = url.parse().expect("a URL");
        let host = url.host_str().expect("a hostname").to_owned();
        let stream = self.connect(&host, "http/1.1").await.expect("TLS");
        let url = format!("wss://{host}:{}{}", self.edge.port(), url.path());
        let mut request = url.into_client_request().expect("a request");
        for (name, value) in headers {
            let value = value.parse().expect("a value");
            request.headers_mut().insert(*name, value);
        }
        match in_time("a WebSocket", Box::pin(client_async(request, stream))).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("the WebSocket broke: {error}"),
        }
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
