//! What convinces an ACME server that a host is served here: TLS-ALPN-01 (RFC 8737).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::{
    crypto::ring::sign::any_supported_type,
    pki_types::PrivateKeyDer,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::certs::{CertError, lower_case};

/// The protocol a server asks for when it looks for the proof, and nobody else does.
pub const ALPN: &[u8] = b"acme-tls/1";

/// The proofs that are to be seen now, by host.
#[derive(Debug, Default)]
pub struct Challenges(Mutex<HashMap<String, Arc<CertifiedKey>>>);

/// Keeps a proof to be seen until it is dropped.
#[derive(Debug)]
pub struct Shown {
    challenges: Arc<Challenges>,
    host: String,
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.challenges.with(|all| all.remove(&self.host));
    }
}

impl Challenges {
    /// Shows the proof of `host`: a certificate that holds `digest`, the SHA-256 of the key
    /// authorization (RFC 8737 §3), which has 32 bytes.
    pub fn show(self: &Arc<Self>, host: &str, digest: &[u8]) -> Result<Shown, CertError> {
        let mut params = CertificateParams::new([host.to_owned()])?;
        params.distinguished_name = DistinguishedName::new();
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.der().clone();
        let key = PrivateKeyDer::try_from(key.serialize_der())
            .map_err(|why| rustls::Error::General(why.to_owned()))?;
        let proof = CertifiedKey::new(vec![certificate], any_supported_type(&key)?);
        self.with(|all| all.insert(host.to_owned(), Arc::new(proof)));
        Ok(Shown {
            challenges: Arc::clone(self),
            host: host.to_owned(),
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<String, Arc<CertifiedKey>>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Challenges {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let host = lower_case(hello.server_name()?);
        self.with(|all| all.get(host.as_ref()).cloned())
    }
}

/// Whether a server looks for a proof: it offers the one protocol alone (RFC 8737 §3).
pub fn is_asked_for(hello: &ClientHello<'_>) -> bool {
    hello
        .alpn()
        .is_some_and(|mut offered| offered.next() == Some(ALPN) && offered.next().is_none())
}
