//! Connections to the API and the edge.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::failure::Failure;

/// For a connection to be made, its TLS handshake included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Silence after which the other side is asked whether it is there, and between questions.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(5));
/// Questions in vain after which a connection is lost.
const KEEPALIVE_PROBES: u32 = 3;

/// What is spoken on a connection, named as in ALPN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

impl Speaks {
    fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }
}

/// Makes connections, and believes the system's authorities and one more file of them.
#[derive(Clone, Debug)]
pub struct Dialer {
    tls: Arc<ClientConfig>,
}

/// A connection.
#[derive(Debug)]
pub enum Stream {
    /// Without TLS.
    Plain(TcpStream),
    /// With TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Dialer {
    /// A dialer that believes the authorities in the PEM file `ca`, too.
    pub fn new(ca: Option<&Path>) -> Result<Self, Failure> {
        let mut roots = RootCertStore::empty();
        // A broken file among the system's keeps nobody from using the others.
        let system = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(system.certs);
        if let Some(ca) = ca {
            let broken = |error: &dyn std::fmt::Display| {
                let message = format!("the authorities in {}: {error}", ca.display());
                Failure::refused("CA", message)
            };
            let certificates = CertificateDer::pem_file_iter(ca).map_err(|error| broken(&error))?;
            let mut count = 0;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| broken(&error))?;
                roots.add(certificate).map_err(|error| broken(&error))?;
                count += 1;
            }
            if count == 0 {
                return Err(broken(&"there is no certificate in it"));
            }
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::refused("TLS", error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(tls) })
    }

    /// Connects to `host`, with TLS where `is_tls` says so.
    pub async fn dial(
        &self,
        host: &str,
        port: u16,
        is_tls: bool,
        speaks: Speaks,
    ) -> io::Result<Stream> {
        let dialling = async {
            let stream = connect(host, port).await?;
            stream.set_nodelay(true)?;
            watch(&stream)?;
            if !is_tls {
                return Ok(Stream::Plain(stream));
            }
            let mut tls = ClientConfig::clone(&self.tls);
            tls.alpn_protocols = vec![speaks.alpn().to_vec()];
            let name = ServerName::try_from(unbracketed(host).to_owned())
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
            let connector = TlsConnector::from(Arc::new(tls));
            let stream = connector.connect(name, stream).await?;
            Ok(Stream::Tls(Box::new(stream)))
        };
        match timeout(CONNECT_TIMEOUT, dialling).await {
            Ok(dialled) => dialled,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// The failure to reach `host`, with what to do where the reason is its certificate.
pub fn unreachable(host: &str, port: u16, error: &(dyn std::error::Error + 'static)) -> Failure {
    let mut cause = Some(error);
    let mut message = String::new();
    let mut is_certificate = false;
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.contains(&text) {
            let separator = if message.is_empty() { "" } else { ": " };
            message = format!("{message}{separator}{text}");
        }
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .map(|inner| inner as &(dyn std::error::Error + 'static));
        is_certificate |= [Some(error), inner].into_iter().flatten().any(|error| {
            let tls = error.downcast_ref::<rustls::Error>();
            matches!(tls, Some(rustls::Error::InvalidCertificate(_)))
        });
        cause = error.source();
    }
    if is_certificate {
        let message = format!("{host}:{port} can't prove who it is: {message}");
        return Failure::new(crate::failure::Kind::Unreachable, "TLS_UNTRUSTED", message).hint(
            "if its authority is one of yours, name its PEM file with --ca at `spaceport login`",
        );
    }
    Failure::unreachable(format!("{host}:{port} can't be reached: {message}"))
}

/// Tries the addresses of `host` in turn.
async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses(unbracketed(host), port).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Has the kernel find out when the way is lost without a word, as when a network is changed or a
/// router forgets it: nothing else would tell who only reads. There is no limit of time for what is
/// sent (`TCP_USER_TIMEOUT`), because a program that takes no input for long is no loss.
fn watch(stream: &TcpStream) -> io::Result<()> {
    let (silence, pause) = KEEPALIVE;
    let questions = TcpKeepalive::new()
        .with_time(silence)
        .with_interval(pause)
        .with_retries(KEEPALIVE_PROBES);
    SockRef::from(stream).set_tcp_keepalive(&questions)
}

/// Names below `localhost` are this machine, whatever its resolver says (RFC 6761 §6.3).
async fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if is_localhost(host) {
        let loopback = [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::from(Ipv6Addr::LOCALHOST),
        ];
        return Ok(loopback.map(|it| SocketAddr::new(it, port)).to_vec());
    }
    Ok(lookup_host((host, port)).await?.collect())
}

/// Whether `host` is this machine by its name.
pub fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

/// The address in a URL's IPv6 literal; any other host as it is.
fn unbracketed(host: &str) -> &str {
    let inner = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    inner.unwrap_or(host)
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, buffer),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, buffer),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_kernel_watches_over_every_connection() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a listener");
        let port = listener.local_addr().expect("an address").port();
        let dialer = Dialer::new(None).expect("a dialer");
        let dialled = dialer.dial("127.0.0.1", port, false, Speaks::Http1).await;
        let Ok(Stream::Plain(stream)) = dialled else {
            panic!("{dialled:?}");
        };
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().expect("an option"));
        assert_eq!(socket.tcp_keepalive_time().expect("an option"), KEEPALIVE.0);
    }

    #[test]
    fn names_below_localhost_are_this_machine() {
        for name in [
            "localhost",
            "files--lab--ada.apps.localhost",
            "A.LOCALHOST.",
        ] {
            assert!(is_localhost(name), "{name}");
        }
        for name in ["localhost.example", "notlocalhost", "example"] {
            assert!(!is_localhost(name), "{name}");
        }
    }
}
