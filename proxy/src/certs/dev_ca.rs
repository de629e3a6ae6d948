//! A certificate authority of the edge's own, so that TLS works from the first start.
//!
//! It is made once and kept in the data folder; whoever wants browsers to trust the edge adds
//! `ca.pem` to them. It can only vouch for names below the two domains it was made for. The
//! certificates it signs live in memory: each start makes them anew.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, PKCS_ECDSA_P256_SHA256,
};
use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};

use super::{CertError, CertStore, Certificate};
use crate::routes::disk::write_atomically;

const DAY: Duration = Duration::from_hours(24);
const CA_LIFE: Duration = DAY.saturating_mul(3652);
const LEAF_LIFE: Duration = DAY.saturating_mul(90);
/// How often a running edge makes its certificates anew, long before they end.
pub const RENEW_INTERVAL: Duration = DAY.saturating_mul(30);
/// Clients whose clocks are behind accept a new certificate too.
const CLOCK_SKEW: Duration = DAY;

/// The authority, ready to sign.
pub struct DevCa {
    path: PathBuf,
    root: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    domains: [String; 2],
}

impl std::fmt::Debug for DevCa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DevCa")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl DevCa {
    /// The authority kept in `folder`. A new one is made when there is none, or when the one that
    /// is there has ended or may not vouch for `domains`, of which the first is the default's.
    pub fn open(folder: &Path, domains: [String; 2]) -> Result<Self, CertError> {
        let (path, key_path) = (folder.join("ca.pem"), folder.join("ca.key"));
        if let Some((root, key)) = kept(&path, &key_path)? {
            let ca = Self::new(path.clone(), root, key, domains.clone());
            if ca.is_trusted()? {
                return Ok(ca);
            }
            tracing::warn!(
                path = %path.display(),
                "the development CA has ended or was made for other domains; it is made anew"
            );
        }
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = authority(&key, &domains).self_signed(&key)?;
        // The key first: a certificate without its key would never be replaced.
        for (path, pem, mode) in [
            (&key_path, key.serialize_pem(), 0o600),
            (&path, certificate.pem(), 0o644),
        ] {
            write_atomically(path, pem.as_bytes(), mode).map_err(|e| CertError::file(path, e))?;
        }
        Ok(Self::new(path, certificate.der().clone(), key, domains))
    }

    fn new(
        path: PathBuf,
        root: CertificateDer<'static>,
        key: KeyPair,
        domains: [String; 2],
    ) -> Self {
        let issuer = Issuer::new(authority(&key, &domains), key);
        Self {
            path,
            root,
            issuer,
            domains,
        }
    }

    /// The file that clients are to trust.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Fresh certificates for both domains and every name one label below them.
    pub fn issue(&self) -> Result<CertStore, CertError> {
        let [default, other] = &self.domains;
        let certificates = [self.sign(default)?, self.sign(other)?];
        Ok(CertStore::new(certificates.map(Arc::new)))
    }

    fn sign(&self, domain: &str) -> Result<Certificate, CertError> {
        let (der, key) = self.leaf(domain)?;
        let key = PrivateKeyDer::try_from(key.serialize_der())
            .map_err(|why| rustls::Error::General(why.to_owned()))?;
        Ok(Certificate::new(vec![der], &key)?)
    }

    fn leaf(&self, domain: &str) -> Result<(CertificateDer<'static>, KeyPair), CertError> {
        let mut params = CertificateParams::new([domain.to_owned(), format!("*.{domain}")])?;
        let now = SystemTime::now();
        params.not_before = (now - CLOCK_SKEW).into();
        params.not_after = (now + LEAF_LIFE).into();
        params.distinguished_name = named("Spaceport edge");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((certificate.der().clone(), key))
    }

    /// Whether a client that trusts the kept root accepts what this authority signs.
    fn is_trusted(&self) -> Result<bool, CertError> {
        let mut roots = RootCertStore::empty();
        if roots.add(self.root.clone()).is_err() {
            return Ok(false);
        }
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|why| rustls::Error::General(why.to_string()))?;
        for domain in &self.domains {
            let (leaf, _) = self.leaf(domain)?;
            let name = ServerName::try_from(domain.clone())
                .map_err(|why| rustls::Error::General(why.to_string()))?;
            let now = UnixTime::now();
            if verifier
                .verify_server_cert(&leaf, &[], &name, &[], now)
                .is_err()
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The root and its key, when both are there and readable as such.
fn kept(
    path: &Path,
    key_path: &Path,
) -> Result<Option<(CertificateDer<'static>, KeyPair)>, CertError> {
    let read = |path: &Path| match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some).map_err(|e| CertError::file(path, e)),
    };
    let (Some(root), Some(key)) = (read(path)?, read(key_path)?) else {
        return Ok(None);
    };
    let root = CertificateDer::from_pem_slice(root.as_bytes())
        .map_err(|_| CertError::content(path, "certificate"))?;
    let key = KeyPair::from_pem(&key).map_err(|_| CertError::content(key_path, "private key"))?;
    Ok(Some((root, key)))
}

/// The authority's certificate. Its name holds a part of the public key, so that an old and a new
/// authority are not mistaken for each other; and it can be said again from the key alone.
fn authority(key: &KeyPair, domains: &[String; 2]) -> CertificateParams {
    let tail = key.public_key_raw().last_chunk::<4>();
    let tail = u32::from_be_bytes(tail.copied().unwrap_or_default());
    let now = SystemTime::now();
    let mut params = CertificateParams::default();
    params.not_before = (now - CLOCK_SKEW).into();
    params.not_after = (now + CA_LIFE).into();
    params.distinguished_name = named(&format!("Spaceport development CA {tail:08x}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: domains
            .iter()
            .cloned()
            .map(GeneralSubtree::DnsName)
            .collect(),
        excluded_subtrees: vec![
            GeneralSubtree::IpAddress(CidrSubnet::V4([0; 4], [0; 4])),
            GeneralSubtree::IpAddress(CidrSubnet::V6([0; 16], [0; 16])),
        ],
    });
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn domains(tunnels: &str) -> [String; 2] {
        [tunnels.to_owned(), "apps.localhost".to_owned()]
    }

    #[test]
    fn the_authority_is_made_once_and_made_anew_for_other_domains() {
        let id = uuid::Uuid::now_v7();
        let folder = std::env::temp_dir().join(format!("spaceport-ca-{id}"));
        let pem = || fs::read_to_string(folder.join("ca.pem")).expect("ca.pem");
        let ca = DevCa::open(&folder, domains("tunnels.localhost")).expect("made");
        let first = pem();
        let mode = fs::metadata(folder.join("ca.key"))
            .expect("a key")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(ca.is_trusted().expect("checked"));

        DevCa::open(&folder, domains("tunnels.localhost")).expect("read");
        assert_eq!(pem(), first);
        let moved = DevCa::open(&folder, domains("tunnels.example")).expect("made anew");
        assert_ne!(pem(), first);
        assert!(moved.is_trusted().expect("checked"));
        fs::write(folder.join("ca.key"), "no key").expect("written");
        DevCa::open(&folder, domains("tunnels.example")).expect_err("damaged");
        fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn a_certificate_is_picked_by_name_and_the_tunnels_is_the_default() {
        let id = uuid::Uuid::now_v7();
        let folder = std::env::temp_dir().join(format!("spaceport-pick-{id}"));
        let ca = DevCa::open(&folder, domains("tunnels.localhost")).expect("made");
        let certificates = crate::certs::Certificates::new(ca.issue().expect("issued"));
        let covers = |sni, host: &str| certificates.served(sni).expect("one").covers(host);
        let (tunnel, app) = ("a--b.tunnels.localhost", "code--s--b.apps.localhost");
        for sni in [
            None,
            Some("unknown.example"),
            Some(tunnel),
            Some("tunnels.localhost"),
        ] {
            assert!(covers(sni, tunnel) && !covers(sni, app), "{sni:?}");
        }
        assert!(covers(Some(app), app) && !covers(Some(app), tunnel));
        assert!(!covers(None, "x.a--b.tunnels.localhost"));
        assert!(!covers(None, "127.0.0.1"));
        fs::remove_dir_all(folder).expect("removed");
    }
}
