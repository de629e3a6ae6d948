//! The certificates the edge can show, and which one it shows to whom.
//!
//! | from | module | kept |
//! |---|---|---|
//! | files of the operator's, read again when they change | [`files`] | where they are |
//! | an ACME server, one a host, on demand | [`acme`] | in the data folder |
//! | the development CA, when there is neither | [`dev_ca`] | in memory |
//!
//! What files cover is never asked of an ACME server.

pub mod acme;
pub mod certificate;
pub mod dev_ca;
pub mod files;
pub mod index;

use std::{
    borrow::Cow,
    collections::HashMap,
    io,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

pub use certificate::Certificate;
pub use index::CertStore;

/// A chain that could not be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    /// A file or a folder can't be read or written.
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
    /// A folder of certificates has none.
    #[error("{path} holds no pair <name>.crt (or <name>.pem) and <name>.key")]
    Empty {
        /// Which.
        path: String,
    },
    /// The certificate in a file and the key beside it can't be used together.
    #[error("{path} can't be served with its key: {error}")]
    Pair {
        /// The certificate's file.
        path: String,
        /// Why.
        error: rustls::Error,
    },
    /// A certificate can't be made.
    #[error("a certificate can't be made: {0}")]
    Make(#[from] rcgen::Error),
    /// The certificate and the key don't work together, or are of an unknown kind.
    #[error("a certificate can't be used: {0}")]
    Use(#[from] rustls::Error),
}

impl CertError {
    /// A file or folder at `path` can't be used.
    pub fn file(path: &Path, error: io::Error) -> Self {
        Self::File {
            path: path.display().to_string(),
            error,
        }
    }

    fn content(path: &Path, what: &'static str) -> Self {
        Self::Content {
            path: path.display().to_string(),
            what,
        }
    }
}

/// The certificates in use; they can be exchanged while connections are open.
///
/// Looking one up takes no lock and parses nothing.
#[derive(Debug, Default)]
pub struct Certificates {
    /// From files or the development CA.
    given: ArcSwap<CertStore>,
    /// From an ACME server, by the one host each is for.
    issued: ArcSwap<HashMap<String, Arc<Certificate>>>,
}

impl Certificates {
    /// Begins with `store`.
    pub fn new(store: CertStore) -> Self {
        Self {
            given: ArcSwap::from_pointee(store),
            issued: ArcSwap::default(),
        }
    }

    /// New handshakes use `store` from now on.
    pub fn replace(&self, store: CertStore) {
        self.given.store(Arc::new(store));
    }

    /// New handshakes for each host use the certificate beside it, unless another covers it that
    /// was given.
    pub fn add(&self, more: impl IntoIterator<Item = (String, Certificate)>) {
        let more: Vec<_> = more
            .into_iter()
            .map(|(host, certificate)| (host, Arc::new(certificate)))
            .collect();
        self.issued.rcu(|issued| {
            let mut issued = HashMap::clone(issued);
            issued.extend(more.iter().cloned());
            issued
        });
    }

    /// Forgets what was added for `host`.
    pub fn remove(&self, host: &str) {
        self.issued.rcu(|issued| {
            let mut issued = HashMap::clone(issued);
            issued.remove(host);
            issued
        });
    }

    /// Whether a certificate that was given covers `host`.
    pub fn is_given(&self, host: &str) -> bool {
        self.given.load().find(host).is_some()
    }

    /// Whether there is a certificate that covers `host`.
    pub fn have(&self, host: &str) -> bool {
        self.is_given(host) || self.issued.load().contains_key(host)
    }

    /// What was added and not given, with the host each is for.
    pub fn issued(&self) -> Arc<HashMap<String, Arc<Certificate>>> {
        self.issued.load_full()
    }

    /// How long the one that ends first is still valid; zero when it has ended, `None` when there
    /// is none.
    pub fn first_end_in(&self, now: SystemTime) -> Option<Duration> {
        let (given, issued) = (self.given.load(), self.issued.load());
        let all = given.iter().chain(issued.values());
        let end = all.map(|it| it.not_after()).min()?;
        Some(end.duration_since(now).unwrap_or_default())
    }

    /// What a connection that asked for `name` was shown; `None` when there is nothing to show.
    pub fn served(&self, name: Option<&str>) -> Option<Served> {
        let certificate = self.pick(name)?;
        let name = name
            .filter(|name| certificate.covers(name))
            .map(str::to_owned);
        Some(Served { certificate, name })
    }

    /// The certificate for a client that asks for `name`, in lower case.
    fn pick(&self, name: Option<&str>) -> Option<Arc<Certificate>> {
        let given = self.given.load();
        name.and_then(|name| given.find(name).cloned())
            .or_else(|| name.and_then(|name| self.issued.load().get(name).cloned()))
            .or_else(|| given.default_certificate().cloned())
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(lower_case);
        Some(self.pick(name.as_deref())?.key())
    }
}

/// A name as the indexes spell it. Most clients already spell it so.
pub fn lower_case(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
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
