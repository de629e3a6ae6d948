//! Certificates found by name.

use std::{collections::HashMap, sync::Arc};

use super::{Certificate, certificate::parent};

/// Certificates and the names they are found by. It doesn't change once it is made.
#[derive(Debug, Default)]
pub struct CertStore {
    all: Vec<Arc<Certificate>>,
    exact: HashMap<String, Arc<Certificate>>,
    /// By what stands behind the wildcard.
    wildcards: HashMap<String, Arc<Certificate>>,
}

impl CertStore {
    /// An index of `certificates`; the first is for clients that ask for none of their names.
    ///
    /// Of several for the same name, the one that is valid longest is found.
    pub fn new(certificates: impl IntoIterator<Item = Arc<Certificate>>) -> Self {
        let mut store = Self::default();
        for certificate in certificates {
            for name in certificate.exact_names() {
                prefer(&mut store.exact, name, &certificate);
            }
            for parent in certificate.wildcard_parents() {
                prefer(&mut store.wildcards, parent, &certificate);
            }
            store.all.push(certificate);
        }
        store
    }

    /// The certificate that covers `host`, which is in lower case.
    pub fn find(&self, host: &str) -> Option<&Arc<Certificate>> {
        self.exact.get(host).or_else(|| {
            // Most stores of certificates for single hosts have no wildcard at all.
            let found = self.wildcards.get(host.split_once('.')?.1)?;
            parent(host).map(|_| found)
        })
    }

    /// The one for clients that ask for no name, or for one that none covers.
    pub fn default_certificate(&self) -> Option<&Arc<Certificate>> {
        self.all.first()
    }

    /// Every certificate, the default first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Certificate>> {
        self.all.iter()
    }
}

fn prefer(
    index: &mut HashMap<String, Arc<Certificate>>,
    name: &str,
    certificate: &Arc<Certificate>,
) {
    let known = index.get(name);
    if known.is_none_or(|known| known.not_after() < certificate.not_after()) {
        index.insert(name.to_owned(), Arc::clone(certificate));
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn made(names: &[&str], days: u64) -> Arc<Certificate> {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<_> = names.iter().map(|it| (*it).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.not_after = (SystemTime::now() + Duration::from_hours(24 * days)).into();
        let pem = params.self_signed(&key).expect("signed").pem();
        let key = key.serialize_pem();
        Arc::new(Certificate::from_pem(pem.as_bytes(), key.as_bytes()).expect("usable"))
    }

    #[test]
    fn a_host_finds_its_own_name_before_a_wildcard_and_the_longest_valid_of_several() {
        let wide = made(&["*.t.example", "t.example"], 30);
        let own = made(&["a.t.example"], 10);
        let older = made(&["*.t.example"], 20);
        let store = CertStore::new([&wide, &own, &older].map(Arc::clone));
        let finds = |host: &str, wanted: &Arc<Certificate>| {
            store.find(host).is_some_and(|it| Arc::ptr_eq(it, wanted))
        };
        assert!(finds("a.t.example", &own));
        assert!(finds("b.t.example", &wide));
        assert!(finds("t.example", &wide));
        for unknown in [
            "x.a.t.example",
            "u.example",
            "example",
            ".t.example",
            "-.t.example",
        ] {
            assert!(store.find(unknown).is_none(), "{unknown}");
        }
        let default = store.default_certificate().expect("the first");
        assert!(Arc::ptr_eq(default, &wide));
        assert!(CertStore::default().default_certificate().is_none());
    }
}
