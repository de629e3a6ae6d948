//! Certificates from files that change, and the path that is no space's.

use std::path::Path;

use http::{Method, Version};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::{
    eventually,
    harness::{Folder, HOST, House, counts, operator},
    soon,
    visitor::{Visitor, as_h1, got, request},
};

const APP: &str = "code--lab--ada.apps.localhost";

/// Makes certificates, and visitors trust it.
struct Authority(Issuer<'static, KeyPair>);

impl Authority {
    fn new(folder: &Path) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        std::fs::write(folder.join("root.pem"), pem).unwrap();
        Self(Issuer::new(params, key))
    }

    /// Writes a new pair of files for every name below `domain`.
    fn write(&self, folder: &Path, name: &str, domain: &str) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([format!("*.{domain}")]).unwrap();
        let chain = params.signed_by(&key, &self.0).unwrap().pem();
        std::fs::write(folder.join(name).with_extension("key"), key.serialize_pem()).unwrap();
        std::fs::write(folder.join(name).with_extension("crt"), chain).unwrap();
    }
}

/// The certificate a new connection is shown.
async fn shown(visitor: &Visitor, host: &str) -> Vec<u8> {
    let stream = visitor.connect(host, &["http/1.1"]).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

/// Waits until a new connection is shown another certificate than `old`.
async fn another(visitor: &Visitor, host: &str, old: &[u8]) -> Vec<u8> {
    let mut now = Vec::new();
    eventually(async || {
        now = shown(visitor, host).await;
        now != old
    })
    .await;
    now
}

#[tokio::test]
async fn replaced_files_are_served_to_newcomers_and_broken_ones_change_nothing() {
    let files = Folder::new();
    let authority = Authority::new(files.path());
    let pairs = files.path().join("pairs");
    std::fs::create_dir(&pairs).unwrap();
    authority.write(files.path(), "tunnels", "tunnels.localhost");
    authority.write(&pairs, "apps", "apps.localhost");
    let path = |name: &str| files.path().join(name).display().to_string();
    let house = House::open_with(&[
        ("SPACEPORT_TLS_CERT", &path("tunnels.crt")),
        ("SPACEPORT_TLS_KEY", &path("tunnels.key")),
        ("SPACEPORT_TLS_DIR", &path("pairs")),
    ])
    .await;
    let visitor = Visitor::new(house.edge().address(), &files.path().join("root.pem"));
    let mut kept = visitor.h1(HOST).await;
    let mut stays = async || {
        let asked = as_h1(request(Method::GET, HOST, "/", &[]));
        let answer = got(soon(kept.send_request(asked)).await.unwrap()).await;
        assert_eq!(answer.status, 200);
    };
    stays().await;

    let first = shown(&visitor, HOST).await;
    authority.write(files.path(), "tunnels", "tunnels.localhost");
    let second = another(&visitor, HOST, &first).await;
    stays().await;

    // What is changed after the broken pair is also seen after it.
    let app = shown(&visitor, APP).await;
    assert_ne!(app, second);
    std::fs::write(path("tunnels.crt"), "half a certifi").unwrap();
    authority.write(&pairs, "apps", "apps.localhost");
    another(&visitor, APP, &app).await;
    assert_eq!(shown(&visitor, HOST).await, second);
    stays().await;
    counts(house.edge(), "spaceport_edge_certificate_reloads_total 2").await;
    let (_, metrics) = operator(house.edge(), "/metrics").await;
    let expiry = metrics
        .lines()
        .find_map(|line| line.strip_prefix("spaceport_edge_certificate_expiry_seconds "))
        .unwrap();
    assert!(expiry.parse::<f64>().unwrap() > 0.0, "{expiry}");
}

#[tokio::test]
async fn the_path_of_acme_proofs_is_never_a_spaces() {
    let house = House::open().await;
    let visitor = house.visitor();
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for path in [
            "/.well-known/acme-challenge/token",
            "/.well-known/acme%2dchallenge/token",
        ] {
            let asked = request(Method::GET, HOST, path, &[]);
            let answer = visitor.ask(version, asked).await;
            let own = (answer.status, answer.code());
            assert_eq!(own, (404, Some("UNKNOWN_HOST")), "{path}");
        }
    }
    let answer = house.get(HOST, "/.well-known/security.txt").await;
    assert_eq!(answer.code(), None);
}
