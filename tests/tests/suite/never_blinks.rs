//! Visitors under whom everything changes and who notice nothing.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use spaceport_tests::{
    BASE, Client, Database, Installation, Visitor, eventually, in_time,
    load::{Load, Wishes},
    program::Program,
};

use crate::lifecycle::SERVE;

/// Changes of routes: one tunnel made or deleted is one.
const ROUTE_CHANGES: usize = 500;
/// How many of them are under way at once.
const CHANGES_AT_ONCE: usize = 4;
/// Exchanges of the certificate that is served.
const RELOADS: usize = 50;
/// How long the API is away.
const OUTAGE: Duration = Duration::from_secs(30);
/// More than is downloaded, as slowly as it is, in several minutes.
const FILE_MIB: u64 = 512;
/// Visitors of each kind.
const VISITORS: usize = 3;

/// Makes certificates for tunnels, one after the other, in the files that the edge is told of.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Authority {
    fn new() -> Self {
        let name = format!("spaceport-test-{}-authority", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let root = params.self_signed(&key).expect("a certificate").pem();
        fs::write(folder.join("root.pem"), root).expect("written");
        let authority = Self {
            issuer: Issuer::new(params, key),
            folder,
        };
        authority.exchange();
        authority
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A new pair takes the place of the one before, one file after the other, as common tools do.
    fn exchange(&self) {
        let key = KeyPair::generate().expect("a key");
        let names = ["*.tunnels.localhost".to_owned()];
        let params = CertificateParams::new(names).expect("names");
        let chain = params.signed_by(&key, &self.issuer).expect("signed").pem();
        fs::write(self.file("tls.key"), key.serialize_pem()).expect("written");
        fs::write(self.file("tls.crt"), chain).expect("written");
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

async fn tunnel(user: &Client, space: &str, port: u16, name: &str) -> Value {
    let input = json!({ "spaceId": space, "port": port, "name": name });
    user.mutate("createTunnel", input).await.value("tunnel")
}

async fn delete(user: &Client, tunnel: &Value) {
    let input = json!({ "tunnelId": tunnel["id"] });
    user.mutate("deleteTunnel", input).await.value("tunnel");
}

fn url(tunnel: &Value) -> String {
    tunnel["url"].as_str().expect("a URL").to_owned()
}

/// Starts an edge beside the one that runs, and waits until it has taken over.
pub(crate) async fn upgrade(from: &Program, log: &str) -> Program {
    let successor = from.another(log);
    successor.start();
    eventually("the successor serves", async || {
        assert!(successor.is_running(), "{}", successor.log());
        successor.log().contains("edge listens")
    })
    .await;
    eventually("the predecessor drains", async || {
        from.log().contains("open connections go on here")
    })
    .await;
    successor
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn visitors_notice_no_change_no_outage_and_no_upgrade() {
    let authority = Authority::new();
    let path = |name: &str| authority.file(name).display().to_string();
    let home = Installation::plan(Database::Sqlite)
        .set("SPACEPORT_TLS_CERT", path("tls.crt"))
        .set("SPACEPORT_TLS_KEY", path("tls.key"))
        .start()
        .await;
    let admin = home.admin().await;
    let serve = format!("truncate -s {FILE_MIB}M /home/dev/work/large\n{SERVE}");
    let blueprint = json!({
        "image": BASE, "command": ["sh", "-c", serve], "memoryMib": 256,
        "volumes": [{ "name": "work", "mountPath": "/home/dev/work", "sizeGib": 1 }],
    });
    let template = admin.create_template("busy", blueprint).await;
    let user = admin.create_user("busy", json!({})).await;
    let space = user.run_space(&template, "busy").await;
    let page = url(&tunnel(&user, &space, 8000, "page").await);
    let echo = url(&tunnel(&user, &space, 9000, "echo").await);
    let doomed = [
        tunnel(&user, &space, 9000, "doomed-early").await,
        tunnel(&user, &space, 9000, "doomed-late").await,
    ];
    let visitor = Visitor::new(home.edge_address(), &authority.file("root.pem"));
    let not_yet = ["UNKNOWN_HOST", "NOTHING_LISTENS"];
    for url in [&page, &echo, &url(&doomed[1])] {
        visitor
            .get_until(url, "it serves", |it| !not_yet.contains(&it.code()))
            .await;
    }

    let first = visitor.certificate(&page).await.expect("a certificate");
    let wishes = Wishes {
        file: format!("{}/large", page.trim_end_matches('/')),
        file_bytes: FILE_MIB << 20,
        page,
        echo,
    };
    let echo_url = wishes.echo.clone();
    let load = Load::start(&visitor, &wishes, VISITORS);
    load.goes_on().await;
    let mut sockets = Vec::new();
    for tunnel in &doomed {
        sockets.push(visitor.websocket(&url(tunnel)).await);
    }
    let cut = async |socket: &mut _, tunnel: &Value| {
        delete(&user, tunnel).await;
        let socket: &mut tokio_tungstenite::WebSocketStream<_> = socket;
        let end = in_time("a WebSocket without a route ends", socket.next()).await;
        assert!(
            !matches!(end, Some(Ok(ref it)) if !it.is_close()),
            "{end:?}"
        );
    };

    stream::iter(0..ROUTE_CHANGES / 2)
        .for_each_concurrent(CHANGES_AT_ONCE, async |number| {
            let made = tunnel(&user, &space, 8000, &format!("brief-{number}")).await;
            delete(&user, &made).await;
        })
        .await;
    cut(&mut sockets[0], &doomed[0]).await;
    load.goes_on().await;

    let mut served = first;
    for _ in 0..RELOADS {
        authority.exchange();
        home.edge.signal("HUP");
        eventually("newcomers see the new certificate", async || {
            let now = visitor.certificate(&echo_url).await.expect("a certificate");
            let is_new = now != served;
            served = now;
            is_new
        })
        .await;
    }
    load.goes_on().await;

    home.api.kill();
    let outage = Instant::now();
    load.goes_on().await;
    // The hardest time for an upgrade: only the old edge can tell the routes.
    let second = upgrade(&home.edge, "edge-2.log").await;
    load.goes_on().await;
    tokio::time::sleep(OUTAGE.saturating_sub(outage.elapsed())).await;
    home.start_api().await;
    load.goes_on().await;

    let third = upgrade(&second, "edge-3.log").await;
    load.goes_on().await;
    // Its connection is with the first edge, which has not served newcomers since.
    cut(&mut sockets[1], &doomed[1]).await;
    let late = url(&tunnel(&user, &space, 8000, "late").await);
    visitor
        .get_until(&late, "a new route", |it| it.status == 200)
        .await;
    load.goes_on().await;
    assert!(home.edge.is_running(), "it carries the download");

    let tally = load.end().await;
    assert_eq!(tally.failures(), [""; 0]);
    drop(sockets);
    for drained in [&home.edge, &second] {
        eventually("a drained edge ends by itself", async || {
            drained.ended().is_some_and(|status| status.success())
        })
        .await;
    }
    assert!(third.is_running());
}
