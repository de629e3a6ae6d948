//! What both servers serve: one hostname, its certificate, and the upstream behind it.

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore, client::Resumption, crypto::ring, pki_types::ServerName,
    version::TLS13,
};

use super::upstream;

/// The name that visitors ask for.
pub const HOST: &str = "bench--ada.tunnels.localhost";

/// A directory with the certificate, and the upstream, which runs as long as this lives.
#[derive(Debug)]
pub struct Site {
    /// The directory of both servers' files.
    pub dir: PathBuf,
    /// Where the upstream listens.
    pub upstream: SocketAddr,
    /// How a visitor that speaks HTTP/1.1 encrypts. No handshake is ever resumed.
    pub http1: Arc<ClientConfig>,
    /// The same for HTTP/2.
    pub http2: Arc<ClientConfig>,
    /// The name a visitor verifies.
    pub name: ServerName<'static>,
}

impl Site {
    /// Makes the certificate (ECDSA on P-256) and starts the upstream.
    ///
    /// The directory's name begins as `dev/sweep` expects, should this program be killed.
    pub fn open() -> anyhow::Result<Self> {
        let dir = env::temp_dir().join(format!("spaceport-test-{}-edge", std::process::id()));
        fs::create_dir_all(&dir)?;
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([HOST.to_owned()])?;
        fs::write(dir.join("cert.pem"), cert.pem())?;
        fs::write(dir.join("key.pem"), signing_key.serialize_pem())?;
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone())?;
        let config = |protocol: &[u8]| -> anyhow::Result<_> {
            let provider = Arc::new(ring::default_provider());
            let mut config = ClientConfig::builder_with_provider(provider)
                .with_protocol_versions(&[&TLS13])?
                .with_root_certificates(roots.clone())
                .with_no_client_auth();
            config.resumption = Resumption::disabled();
            config.alpn_protocols = vec![protocol.to_vec()];
            Ok(Arc::new(config))
        };
        Ok(Self {
            upstream: upstream::start().context("the upstream doesn't start")?,
            http1: config(b"http/1.1")?,
            http2: config(b"h2")?,
            name: HOST.try_into()?,
            dir,
        })
    }

    /// The chain's file.
    pub fn certificate(&self) -> PathBuf {
        self.file("cert.pem")
    }

    /// The private key's file.
    pub fn key(&self) -> PathBuf {
        self.file("key.pem")
    }

    /// A file in the directory.
    pub fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.join(name)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}
