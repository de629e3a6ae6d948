//! One chain with its key, and what a client can tell of it.

use std::{
    collections::HashSet,
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{
    CertificateError,
    crypto::ring::sign::any_supported_type,
    pki_types::{CertificateDer, DnsName, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use x509_parser::{
    certificate::X509Certificate,
    extensions::GeneralName,
    prelude::{ASN1Time, FromDer},
};

/// A chain with its key. It was parsed once: what it covers is looked up, not parsed again.
#[derive(Debug)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    names: Names,
    not_before: SystemTime,
    not_after: SystemTime,
}

/// The names in a certificate, in lower case.
#[derive(Debug, Default)]
struct Names {
    /// DNS names without a wildcard, and addresses.
    exact: HashSet<String>,
    /// `example.com` for `*.example.com`.
    wildcards: HashSet<String>,
}

impl Certificate {
    /// Joins a chain, the server's own certificate first, with the private key of that one.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: &PrivateKeyDer<'static>,
    ) -> Result<Self, rustls::Error> {
        let certified = CertifiedKey::new(chain, any_supported_type(key)?);
        match certified.keys_match() {
            // Some kinds of key don't tell; the first handshake would.
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(error) => return Err(error),
        }
        let bad = |_| rustls::Error::InvalidCertificate(CertificateError::BadEncoding);
        let leaf = certified.end_entity_cert()?;
        let (_, parsed) = X509Certificate::from_der(leaf).map_err(bad)?;
        let (names, validity) = (Names::of(&parsed), parsed.validity());
        let (not_before, not_after) = (time(validity.not_before), time(validity.not_after));
        Ok(Self {
            key: Arc::new(certified),
            names,
            not_before,
            not_after,
        })
    }

    /// Understands a chain and a key in PEM, which may be one text that holds both.
    ///
    /// # Errors
    /// Which of the two is missing or damaged, or why they can't be used together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, PemError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|_| PemError::Chain)?;
        if chain.is_empty() {
            return Err(PemError::Chain);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| PemError::Key)?;
        Self::new(chain, &key).map_err(PemError::Pair)
    }

    /// What rustls shows of it.
    pub fn key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }

    /// Whether a client would accept this certificate for `host`, which is in lower case
    /// (RFC 6125 §6.4: a wildcard stands for exactly one label, the first).
    pub fn covers(&self, host: &str) -> bool {
        self.names.exact.contains(host)
            || parent(host).is_some_and(|parent| self.names.wildcards.contains(parent))
    }

    /// Its names without a wildcard.
    pub fn exact_names(&self) -> impl Iterator<Item = &str> {
        self.names.exact.iter().map(String::as_str)
    }

    /// What stands behind `*.` in its names with a wildcard.
    pub fn wildcard_parents(&self) -> impl Iterator<Item = &str> {
        self.names.wildcards.iter().map(String::as_str)
    }

    /// When it begins to be valid.
    pub const fn not_before(&self) -> SystemTime {
        self.not_before
    }

    /// When it ends.
    pub const fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// Its names, for people.
    pub fn describe(&self) -> String {
        let wildcards = self.names.wildcards.iter().map(|it| format!("*.{it}"));
        let mut names: Vec<_> = self.names.exact.iter().cloned().chain(wildcards).collect();
        names.sort_unstable();
        names.join(", ")
    }
}

/// What is wrong with a certificate in PEM.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// There is no certificate, or a damaged one.
    #[error("there is no usable certificate")]
    Chain,
    /// There is no private key, or a damaged one.
    #[error("there is no usable private key")]
    Key,
    /// They are whole and can't be used together.
    #[error(transparent)]
    Pair(rustls::Error),
}

impl Names {
    /// The names that verifiers honour: valid DNS names, wildcards with two labels behind them as
    /// webpki wants, and IPv4 addresses. The edge knows no host that is an IPv6 address.
    fn of(certificate: &X509Certificate<'_>) -> Self {
        let mut names = Self::default();
        let Ok(Some(extension)) = certificate.subject_alternative_name() else {
            return names;
        };
        for name in &extension.value.general_names {
            match name {
                GeneralName::DNSName(name) => {
                    let name = name.to_ascii_lowercase();
                    match name.strip_prefix("*.") {
                        Some(parent) if parent.contains('.') && is_dns_name(parent) => {
                            names.wildcards.insert(parent.to_owned());
                        }
                        None if is_dns_name(&name) => drop(names.exact.insert(name)),
                        _ => {}
                    }
                }
                GeneralName::IPAddress(bytes) => {
                    if let Ok(bytes) = <[u8; 4]>::try_from(*bytes) {
                        names.exact.insert(Ipv4Addr::from(bytes).to_string());
                    }
                }
                _ => {}
            }
        }
        names
    }
}

/// What a wildcard in the place of `host`'s first label would have to be followed by.
pub(super) fn parent(host: &str) -> Option<&str> {
    let (_, parent) = host.split_once('.')?;
    is_dns_name(host).then_some(parent)
}

fn is_dns_name(name: &str) -> bool {
    DnsName::try_from(name).is_ok() && !name.ends_with('.')
}

/// Times before 1970 are no times of a certificate in use.
fn time(time: ASN1Time) -> SystemTime {
    let seconds = u64::try_from(time.timestamp()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair};
    use rustls::{client::verify_server_name, pki_types::ServerName, server::ParsedCertificate};

    use super::*;

    fn made(names: &[&str]) -> Certificate {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<_> = names.iter().map(|it| (*it).to_owned()).collect();
        let params = CertificateParams::new(names).expect("names");
        let pem = params.self_signed(&key).expect("signed").pem();
        Certificate::from_pem(pem.as_bytes(), key.serialize_pem().as_bytes()).expect("usable")
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let key = KeyPair::generate().expect("a key");
        let (one, other) = (made(&["a.example"]), key.serialize_pem());
        let chain = pem_of(&one);
        let refused = Certificate::from_pem(chain.as_bytes(), other.as_bytes());
        assert!(matches!(refused, Err(PemError::Pair(_))), "{refused:?}");
        let refused = Certificate::from_pem(b"", other.as_bytes());
        assert!(matches!(refused, Err(PemError::Chain)));
        let half = &other[..other.len() / 2];
        let refused = Certificate::from_pem(chain.as_bytes(), half.as_bytes());
        assert!(matches!(refused, Err(PemError::Key)));
    }

    fn pem_of(certificate: &Certificate) -> String {
        use base64::prelude::{BASE64_STANDARD, Engine};
        let der = BASE64_STANDARD.encode(&certificate.key.cert[0]);
        format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n")
    }

    #[test]
    fn names_and_times_are_those_of_the_certificate() {
        let certificate = made(&["*.t.example", "t.example", "10.0.0.1"]);
        assert_eq!(certificate.describe(), "*.t.example, 10.0.0.1, t.example");
        assert!(certificate.not_before() < SystemTime::now());
        assert!(certificate.not_after() > SystemTime::now());
    }

    proptest! {
        /// What is looked up is what a client's own verifier says.
        #[test]
        fn it_covers_what_a_client_would_accept(
            host in "([a-b]|-|){0,2}(\\.|)[a-b]{0,2}\\.?(t\\.example|example|u\\.t\\.example|localhost)\\.?",
        ) {
            let names = ["*.t.example", "t.example", "ab.b.example", "*.localhost", "b.u.t.example"];
            let certificate = made(&names);
            let parsed = ParsedCertificate::try_from(&certificate.key.cert[0]).expect("parsed");
            // Hosts are looked up without the final dot: the edge has removed it.
            let host = host.strip_suffix('.').unwrap_or(&host);
            let accepted = ServerName::try_from(host)
                .is_ok_and(|name| verify_server_name(&parsed, &name).is_ok());
            prop_assert_eq!(certificate.covers(host), accepted, "{}", host);
        }
    }
}
