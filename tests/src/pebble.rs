//! An ACME server of a test's own: Pebble, which Let's Encrypt tests clients with.
//!
//! It looks for its proofs where the edge listens, as a real server would: a resolver beside it
//! says that every name is at this machine.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU16, Ordering},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::json;

use crate::{
    Visitor, client::install_crypto, eventually, installation::free_address, program::Program,
};

/// A server that may be started, and ends when it is dropped.
pub struct Pebble {
    directory: PathBuf,
    listen: SocketAddr,
    management: SocketAddr,
    resolver: Program,
    server: Program,
}

impl Pebble {
    /// A server with addresses and a certificate of its own; it isn't started yet.
    pub fn new() -> Self {
        static COUNT: AtomicU16 = AtomicU16::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // The process is in the name for `dev/sweep`.
        let name = format!("spaceport-test-{}-pebble-{count}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).expect("a directory");
        let [listen, management, names] = [(); 3].map(|()| free_address());
        certify(&directory);
        let config = directory.join("config.json").display().to_string();
        // Listeners that are empty are off; the edge is what answers, and not this program.
        let resolver = [
            ("dns01", names.to_string()),
            ("defaultIPv4", "127.0.0.1".to_owned()),
            ("defaultIPv6", String::new()),
            ("http01", String::new()),
            ("https01", String::new()),
            ("tlsalpn01", String::new()),
            ("management", free_address().to_string()),
        ];
        let resolver = resolver.map(|(key, value)| format!("-{key}={value}"));
        let server = ["-config", &config, "-dnsserver", &names.to_string()].map(str::to_owned);
        // It looks at once, and never believes what it believed for an earlier order.
        let environment = [("PEBBLE_VA_NOSLEEP", "1"), ("PEBBLE_AUTHZREUSE", "0")];
        let environment = environment.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let log = |name: &str| directory.join(name);
        Self {
            resolver: Program::of_machine(
                "pebble-challtestsrv",
                resolver.into(),
                Vec::new(),
                log("resolver.log"),
            ),
            server: Program::of_machine(
                "pebble",
                server.into(),
                environment.into(),
                log("pebble.log"),
            ),
            directory,
            listen,
            management,
        }
    }

    /// Starts it: it looks for proofs at `edge`, and its certificates live for `life_seconds`.
    pub async fn start(&self, edge: SocketAddr, life_seconds: u32) {
        let config = json!({ "pebble": {
            "listenAddress": self.listen.to_string(),
            "managementListenAddress": self.management.to_string(),
            "certificate": self.directory.join("server.pem"),
            "privateKey": self.directory.join("server.key"),
            "httpPort": free_address().port(),
            "tlsPort": edge.port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
            "certificateValidityPeriod": life_seconds,
        }});
        fs::write(self.directory.join("config.json"), config.to_string()).expect("written");
        self.resolver.start();
        self.server.start();
        eventually("Pebble answers", async || {
            assert!(self.server.is_running(), "Pebble ended:\n{}", self.log());
            self.root().await.is_ok()
        })
        .await;
    }

    /// Ends it at once.
    pub fn kill(&self) {
        self.server.kill();
    }

    /// The settings by which an edge gets its certificates here.
    pub fn settings(&self) -> [(&'static str, String); 2] {
        let ca = self.directory.join("ca.pem").display().to_string();
        [
            (
                "SPACEPORT_ACME_DIRECTORY",
                format!("https://{}/dir", self.listen),
            ),
            ("SPACEPORT_ACME_CA", ca),
        ]
    }

    /// How many orders it has got.
    pub fn orders(&self) -> usize {
        self.log().matches("Added order ").count()
    }

    /// What it logged.
    pub fn log(&self) -> String {
        self.server.log()
    }

    /// A visitor of `edge` who trusts nobody but this server.
    pub async fn visitor(&self, edge: SocketAddr) -> Visitor {
        let root = self.directory.join("root.pem");
        fs::write(&root, self.root().await.expect("it answers")).expect("written");
        Visitor::new(edge, &root)
    }

    /// The authority it makes certificates with, which is another after each start.
    async fn root(&self) -> reqwest::Result<String> {
        install_crypto();
        let ca = fs::read(self.directory.join("ca.pem")).expect("made");
        let ca = reqwest::Certificate::from_pem(&ca).expect("a certificate");
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([ca])
            .build()?;
        let url = format!("https://{}/roots/0", self.management);
        client
            .get(url)
            .send()
            .await?
            .error_for_status()?
            .text()
            .await
    }
}

impl Default for Pebble {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.server.kill();
        self.resolver.kill();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Makes an authority and the certificate by which the server itself is known.
fn certify(directory: &Path) {
    let write = |name: &str, pem: &str| {
        fs::write(directory.join(name), pem).expect("written");
    };
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    write("ca.pem", &params.self_signed(&key).expect("signed").pem());
    let ca = Issuer::new(params, key);
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, &ca).expect("signed");
    write("server.pem", &certificate.pem());
    write("server.key", &key.serialize_pem());
}
