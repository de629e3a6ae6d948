//! The certificates the edge can show, and which one it shows to whom.

pub mod dev_ca;

use std::{fs, io, sync::Arc};

use arc_swap::ArcSwap;
use rustls::{
    client::verify_server_name,
    crypto::ring::sign::any_supported_type,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::{ClientHello, ParsedCertificate, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::settings::TlsFiles;

/// A chain that could not be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    /// A file can't be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// A file doesn't hold what it should.
    #[error("{path} holds no usable {what} in PEM")]
    Content {
        /// Which.
        path: String,
        /// What was looked for.
        what: &'static str,
    },
    /// A certificate can't be made.
    #[error("a certificate can't be made: {0}")]
    Make(#[from] rcgen::Error),
    /// The certificate and the key don't work together, or are of an unknown kind.
    #[error("a certificate can't be used: {0}")]
    Use(#[from] rustls::Error),
}

impl CertError {
    fn file(path: &std::path::Path, error: io::Error) -> Self {
        Self::File {
            path: path.display().to_string(),
            error,
        }
    }
}

/// A chain with its key.
#[derive(Debug)]
pub struct Certificate(Arc<CertifiedKey>);

impl Certificate {
    /// Joins a chain, the server's own certificate first, with the private key of that one.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: &PrivateKeyDer<'static>,
    ) -> Result<Self, CertError> {
        let certified = CertifiedKey::new(chain, any_supported_type(key)?);
        match certified.keys_match() {
            // Some kinds of key don't tell; the first handshake would.
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
                Ok(Self(Arc::new(certified)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the PEM files of somebody else's certificate.
    pub fn read(files: &TlsFiles) -> Result<Self, CertError> {
        let read = |path: &std::path::Path| fs::read(path).map_err(|e| CertError::file(path, e));
        let content = |path: &std::path::Path, what| CertError::Content {
            path: path.display().to_string(),
            what,
        };
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&read(&files.chain)?)
            .collect::<Result<_, _>>()
            .map_err(|_| content(&files.chain, "certificate"))?;
        if chain.is_empty() {
            return Err(content(&files.chain, "certificate"));
        }
        let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?)
            .map_err(|_| content(&files.key, "private key"))?;
        Self::new(chain, &key)
    }

    /// Whether a client would accept this certificate for `host`.
    ///
    /// The certificate is parsed again each time, about a microsecond: nothing beside a handshake,
    /// and only requests for another host than the handshake's ask again.
    pub fn covers(&self, host: &str) -> bool {
        let Ok(name) = ServerName::try_from(host) else {
            return false;
        };
        let parsed = self.0.cert.first().map(ParsedCertificate::try_from);
        matches!(parsed, Some(Ok(it)) if verify_server_name(&it, &name).is_ok())
    }
}

/// All certificates; the first is for clients that ask for none of them.
#[derive(Debug)]
pub struct CertStore(Vec<Arc<Certificate>>);

impl CertStore {
    /// `default` and what else there is.
    pub fn new(default: Certificate, others: impl IntoIterator<Item = Certificate>) -> Self {
        Self(
            std::iter::once(default)
                .chain(others)
                .map(Arc::new)
                .collect(),
        )
    }

    /// The certificate for a client that asks for `name`.
    ///
    /// Few certificates are searched one by one; many, one a host, will want an index.
    fn pick(&self, name: Option<&str>) -> Option<Arc<Certificate>> {
        name.and_then(|name| self.0.iter().find(|it| it.covers(name)))
            .or_else(|| self.0.first())
            .cloned()
    }
}

/// The certificates in use; they can be exchanged while connections are open.
#[derive(Debug)]
pub struct Certificates(ArcSwap<CertStore>);

impl Certificates {
    /// Begins with `store`.
    pub fn new(store: CertStore) -> Self {
        Self(ArcSwap::from_pointee(store))
    }

    /// New handshakes use `store` from now on.
    pub fn replace(&self, store: CertStore) {
        self.0.store(Arc::new(store));
    }

    /// What a connection that asked for `name` was shown.
    pub fn served(&self, name: Option<&str>) -> Option<Served> {
        let certificate = self.0.load().pick(name)?;
        let name = name
            .filter(|name| certificate.covers(name))
            .map(str::to_owned);
        Some(Served { certificate, name })
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let picked = self.0.load().pick(hello.server_name())?;
        Some(Arc::clone(&picked.0))
    }
}

/// The certificate a connection began with.
#[derive(Debug)]
pub struct Served {
    certificate: Arc<Certificate>,
    /// The name the client asked for, when it is covered.
    name: Option<String>,
}

impl Served {
    /// Whether requests for `host` belong on this connection (RFC 9110 §7.4).
    pub fn covers(&self, host: &str) -> bool {
        self.name.as_deref() == Some(host) || self.certificate.covers(host)
    }
}
