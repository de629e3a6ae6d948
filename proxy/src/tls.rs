//! How visitors' connections are encrypted.

use std::{borrow::Cow, io, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::ring,
    server::{Acceptor, NoServerSessionStorage, ResolvesServerCert},
    version::{TLS12, TLS13},
};
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor, server::TlsStream};

use crate::certs::{
    acme::{OnDemand, challenge},
    lower_case,
};

/// The name of HTTP/2 in the handshake.
pub const ALPN_H2: &[u8] = b"h2";
const ALPN_HTTP11: &[u8] = b"http/1.1";

/// TLS 1.2 and 1.3 with rustls's choice of suites. Returning clients resume by tickets, which need
/// no memory here; early data stays off, because it can be replayed.
pub fn server_config(
    certificates: Arc<dyn ResolvesServerCert>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = plain_config(certificates)?;
    config.alpn_protocols = vec![ALPN_H2.to_vec(), ALPN_HTTP11.to_vec()];
    config.ticketer = ring::Ticketer::new()?;
    Ok(config)
}

/// For ACME servers that look for a proof (RFC 8737 §3): one protocol, and nothing to resume.
pub fn challenge_config(
    challenges: Arc<dyn ResolvesServerCert>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = plain_config(challenges)?;
    config.alpn_protocols = vec![challenge::ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn plain_config(certificates: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, rustls::Error> {
    Ok(
        ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(certificates),
    )
}

/// Makes handshakes.
#[derive(Clone)]
pub struct Handshakes {
    visitors: Arc<ServerConfig>,
    on_demand: Option<HandshakesOnDemand>,
}

/// What handshakes need where certificates are made on demand.
#[derive(Clone)]
pub struct HandshakesOnDemand {
    /// Waits for certificates.
    pub on_demand: Arc<OnDemand>,
    /// Shows proofs.
    pub challenges: Arc<ServerConfig>,
}

impl Handshakes {
    /// Handshakes by the configuration `visitors`; some first wait for a certificate, or are
    /// no visitor's, if certificates are made on demand.
    pub fn new(visitors: Arc<ServerConfig>, on_demand: Option<HandshakesOnDemand>) -> Self {
        Self {
            visitors,
            on_demand,
        }
    }

    /// Shakes hands before `deadline`, which is later by the time that a certificate is waited for.
    /// `None`: it was an ACME server, which has seen what it wanted.
    ///
    /// Where certificates are made on demand, whoever asks for a host that is known waits for its
    /// certificate. A host that isn't known gets the default certificate like any other client;
    /// without one the handshake fails, as there is nothing true to show.
    pub async fn shake(
        &self,
        stream: TcpStream,
        deadline: Instant,
    ) -> io::Result<Option<TlsStream<TcpStream>>> {
        let Some(acme) = &self.on_demand else {
            let acceptor = TlsAcceptor::from(Arc::clone(&self.visitors));
            return timeout_at(deadline, acceptor.accept(stream))
                .await?
                .map(Some);
        };
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream);
        let start = timeout_at(deadline, hello).await??;
        let hello = start.client_hello();
        if challenge::is_asked_for(&hello) {
            let shaking = start.into_stream(Arc::clone(&acme.challenges));
            let mut stream = timeout_at(deadline, shaking).await??;
            timeout_at(deadline, stream.shutdown()).await??;
            return Ok(None);
        }
        let host = hello.server_name().map(lower_case);
        let lacking = host.filter(|host| acme.on_demand.lacks(host));
        let lacking = lacking.map(Cow::into_owned);
        let began = Instant::now();
        if let Some(host) = lacking {
            acme.on_demand.ready(&host).await;
        }
        let deadline = deadline + began.elapsed();
        let shaking = start.into_stream(Arc::clone(&self.visitors));
        timeout_at(deadline, shaking).await?.map(Some)
    }
}
