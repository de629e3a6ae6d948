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

/// Tickets given to a visitor: a browser opens one connection to a host by HTTP/2, and its next one
/// brings another. Each costs a handshake time and bytes.
const TICKETS: usize = 1;

/// TLS 1.2 and 1.3 with rustls's choice of suites. Returning clients resume by tickets, which need
/// no memory here; early data stays off, because it can be replayed.
pub fn server_config(
    certificates: Arc<dyn ResolvesServerCert>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = plain_config(certificates)?;
    config.alpn_protocols = vec![ALPN_H2.to_vec(), ALPN_HTTP11.to_vec()];
    config.ticketer = ring::Ticketer::new()?;
    config.send_tls13_tickets = TICKETS;
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use instant_acme::LetsEncrypt;
    use rustls::{
        ClientConfig, DigitallySignedStruct, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        pki_types::{CertificateDer, ServerName, UnixTime},
    };
    use tokio::{io::AsyncReadExt, net::TcpListener};
    use tokio_rustls::{TlsConnector, client};
    use x509_parser::{certificate::X509Certificate, prelude::FromDer};

    use super::*;
    use crate::{
        certs::{Certificates, acme::challenge::Challenges},
        metrics::Metrics,
        routes::Routes,
        settings::{Settings, Source},
    };

    /// Takes any certificate: that of a proof is signed by nobody.
    #[derive(Debug)]
    struct Anything;

    impl ServerCertVerifier for Anything {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, rustls::Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ECDSA_NISTP256_SHA256]
        }
    }

    /// An edge's handshakes with nothing to show but `challenges`.
    fn handshakes(challenges: &Arc<Challenges>) -> Handshakes {
        let directory = LetsEncrypt::Staging.url();
        let source = [("SPACEPORT_ACME_DIRECTORY", directory)];
        let settings = Settings::parse(&Source::new(source, toml::Table::new())).expect("right");
        let certificates = Arc::new(Certificates::default());
        let (on_demand, _) = OnDemand::new(
            &settings.acme.expect("on"),
            Arc::new(Routes::default()),
            Arc::clone(&certificates),
            Arc::new(Metrics::default()),
        );
        let challenges = Arc::clone(challenges) as Arc<dyn ResolvesServerCert>;
        let acme = HandshakesOnDemand {
            on_demand,
            challenges: Arc::new(challenge_config(challenges).expect("a configuration")),
        };
        let visitors = server_config(certificates).expect("a configuration");
        Handshakes::new(Arc::new(visitors), Some(acme))
    }

    /// What the edge and a client that offers `alpn` for `host` make of each other.
    async fn meet(
        edge: &Handshakes,
        host: &'static str,
        alpn: &[&[u8]],
    ) -> (
        io::Result<Option<TlsStream<TcpStream>>>,
        io::Result<client::TlsStream<TcpStream>>,
    ) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = listener.local_addr().expect("an address");
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anything))
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|it| it.to_vec()).collect();
        let name = ServerName::try_from(host).expect("a name");
        let client = async {
            let stream = TcpStream::connect(address).await?;
            TlsConnector::from(Arc::new(config))
                .connect(name, stream)
                .await
        };
        let server = async {
            let (stream, _) = listener.accept().await?;
            edge.shake(stream, Instant::now() + Duration::from_secs(10))
                .await
        };
        tokio::join!(server, client)
    }

    #[tokio::test]
    async fn an_acme_server_sees_the_proof_and_nothing_else() {
        let challenges = Arc::default();
        let edge = handshakes(&challenges);
        let shown = challenges.show("a.example", &[7; 32]).expect("shown");
        let (served, client) = meet(&edge, "a.example", &[challenge::ALPN]).await;
        assert!(served.expect("shaken").is_none(), "no visitor");
        let mut client = client.expect("shaken");
        let session = client.get_ref().1;
        assert_eq!(session.alpn_protocol(), Some(challenge::ALPN));
        let proof = session.peer_certificates().expect("a chain")[0]
            .clone()
            .into_owned();
        let (_, proof) = X509Certificate::from_der(&proof).expect("a certificate");
        let mut extensions = proof.extensions().iter();
        // RFC 8737 §3: id-pe-acmeIdentifier, critical, an octet string of the digest.
        let extension = extensions.find(|it| it.oid.to_id_string() == "1.3.6.1.5.5.7.1.31");
        let extension = extension.expect("the proof");
        assert!(extension.critical);
        assert_eq!(extension.value, [&[4, 32][..], &[7; 32]].concat());
        assert_eq!(client.read(&mut [0; 1]).await.expect("an end"), 0);

        for (host, alpn) in [
            // A host that nothing is to be proven of.
            ("b.example", &[challenge::ALPN][..]),
            // A visitor's client, whatever else it offers, is no ACME server.
            ("a.example", &[challenge::ALPN, ALPN_H2][..]),
            ("a.example", &[ALPN_H2][..]),
        ] {
            let (served, client) = meet(&edge, host, alpn).await;
            assert!(served.is_err() && client.is_err(), "{host} {alpn:?}");
        }
        drop(shown);
        let (served, _) = meet(&edge, "a.example", &[challenge::ALPN]).await;
        assert!(served.is_err(), "it is proven once");
    }
}
