//! What is changed on the way is found out.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::json;
use spaceport_tests::{Cli, Database, Home, Installation, installation::free_address};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, split},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

const HOST: &str = "files--lab--cli-corrupt.apps.localhost";
const TRUE: &[u8] = b"what was sent; ";
const FALSE: &[u8] = b"what was Sent; ";

/// Somebody between the command line and the edge, whom the user trusts by mistake.
struct Between {
    /// Their certificate.
    pem: String,
    /// Whether they change what passes.
    is_at_work: Arc<AtomicBool>,
}

impl Between {
    async fn begin(home: &Home, port: u16) -> Self {
        let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let is_at_work = Arc::new(AtomicBool::new(false));
        let (visitor, at_work) = (home.visitor(), Arc::clone(&is_at_work));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(client) = acceptor.accept(stream).await else {
                    continue;
                };
                let edge = visitor.connect(HOST, "http/1.1").await.unwrap();
                let ((mut from, mut to), (mut answers, mut asks)) = (split(client), split(edge));
                let at_work = Arc::clone(&at_work);
                tokio::spawn(async move { copy(&mut from, &mut asks).await });
                tokio::spawn(async move {
                    let mut buffer = vec![0; 64 << 10];
                    while let Ok(read @ 1..) = answers.read(&mut buffer).await {
                        let piece = &mut buffer[..read];
                        let found = piece.windows(TRUE.len()).position(|it| it == TRUE);
                        if let Some(at) = found.filter(|_| at_work.load(Ordering::SeqCst)) {
                            piece[at..at + FALSE.len()].copy_from_slice(FALSE);
                        }
                        if to.write_all(piece).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self {
            pem: made.cert.pem(),
            is_at_work,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_changed_on_the_way_is_not_kept() {
    let port = free_address().port();
    let plan = Installation::plan(Database::Sqlite);
    let plan = plan.set("SPACEPORT_EDGE_PUBLIC_PORT", port.to_string());
    let home = plan.start().await;
    let between = Between::begin(&home, port).await;
    let admin = home.admin().await;
    let blueprint = json!({ "command": ["sleep", "100000"], "features": ["FILES"] });
    let template = admin.create_template("cli-corrupt", blueprint).await;
    let user = admin.create_user("cli-corrupt", json!({})).await;
    let space = user.run_space(&template, "lab").await;
    let cli = Cli::of(&home, &user);
    let trusted = cli.home().join("trusted.pem");
    fs::write(&trusted, &between.pem).unwrap();
    let cli = cli.set("SPACEPORT_CA", &trusted.display().to_string());
    let content = TRUE.repeat(100_000);
    fs::write(cli.home().join("file"), &content).unwrap();
    cli.run(&["cp", "file", "lab:/tmp/file"]).await.succeeded();
    between.is_at_work.store(true, Ordering::SeqCst);
    let changed = cli.run(&["cp", "lab:/tmp/file", "back"]).await;
    changed.failed(1, "DIGEST_MISMATCH");
    for left in ["back", ".back.spaceport-part"] {
        assert!(!cli.home().join(left).exists(), "{left}");
    }
    between.is_at_work.store(false, Ordering::SeqCst);
    cli.run(&["cp", "lab:/tmp/file", "back"]).await.succeeded();
    assert!(fs::read(cli.home().join("back")).unwrap() == content);
    user.delete_space(&space).await;
}
