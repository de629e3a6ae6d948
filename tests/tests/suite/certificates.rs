//! Certificates that a real ACME server makes for tunnels, when somebody visits them.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use futures_util::future::join_all;
use serde_json::json;
use spaceport_tests::{
    BUSYBOX, Client, Database, Home, Installation, Pebble, eventually, installation::free_address,
};

/// So long that nothing is renewed in a test.
const LONG_SECONDS: u32 = 24 * 60 * 60;
/// Renewed after two thirds of it.
const SHORT_SECONDS: u32 = 18;

/// An installation whose edge gets its certificates from `pebble`, which is not started yet.
async fn home_with(pebble: &Pebble, settings: &[(&str, &str)]) -> Home {
    let mut plan = Installation::plan(Database::Sqlite).without_edge();
    for (name, value) in pebble.settings() {
        plan = plan.set(name, value);
    }
    for (name, value) in settings {
        plan = plan.set(name, *value);
    }
    plan.start().await
}

/// A user with a space, which doesn't run: its tunnels' pages say so.
async fn settler(home: &Home) -> (Client, String) {
    let admin = home.admin().await;
    let template = admin
        .create_template("certified", json!({ "image": BUSYBOX }))
        .await;
    let user = admin.create_user("certified", json!({})).await;
    let space = user.create_space(&template, "certified").await;
    (user, space)
}

async fn tunnel(user: &Client, space: &str, port: u16) -> String {
    let tunnel = user.create_tunnel(space, port).await;
    tunnel["url"].as_str().expect("a URL").to_owned()
}

/// Waits until the edge knows `url`, without asking for its certificate.
async fn known(home: &Home, url: &str) {
    let host = url
        .split('/')
        .nth(2)
        .and_then(|it| it.split(':').next())
        .expect("a host");
    let copy = home.data_dir().join("edge").join("routes.json");
    eventually("the edge knows the tunnel", async || {
        fs::read_to_string(&copy).is_ok_and(|it| it.contains(host))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_gets_one_certificate_when_it_is_first_visited_and_keeps_it() {
    let pebble = Pebble::new();
    let home = home_with(&pebble, &[]).await;
    pebble.start(home.edge_address(), LONG_SECONDS).await;
    home.start_edge().await;
    let (user, space) = settler(&home).await;
    let url = tunnel(&user, &space, 8000).await;
    known(&home, &url).await;
    assert_eq!(pebble.orders(), 0, "nobody has visited it");

    let visitor = pebble.visitor(home.edge_address()).await;
    let visits = join_all((0..25).map(|_| visitor.certificate(&url))).await;
    let certificate = visits[0].as_ref().expect("a certificate").clone();
    for visit in visits {
        assert_eq!(visit.expect("a certificate"), certificate);
    }
    assert_eq!(pebble.orders(), 1);
    for answer in [visitor.get(&url).await, visitor.get_http2(&url).await] {
        assert_eq!((answer.status, answer.code()), (503, "SPACE_NOT_RUNNING"));
    }

    // A restart needs nobody.
    pebble.kill();
    home.edge.kill();
    home.start_edge().await;
    assert_eq!(visitor.certificate(&url).await.unwrap(), certificate);

    let mut files = 0;
    let mut folders = vec![home.data_dir().join("edge").join("acme")];
    while let Some(folder) = folders.pop() {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
                files += 1;
            }
        }
    }
    assert_eq!(files, 2, "the account and the certificate");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_do_not_exist_cause_no_order_and_are_shown_nothing() {
    let pebble = Pebble::new();
    let home = home_with(&pebble, &[]).await;
    pebble.start(home.edge_address(), LONG_SECONDS).await;
    home.start_edge().await;
    let (user, space) = settler(&home).await;
    let url = tunnel(&user, &space, 8000).await;
    known(&home, &url).await;
    let visitor = pebble.visitor(home.edge_address()).await;
    let gone = user.create_tunnel(&space, 8001).await;
    let gone_url = gone["url"].as_str().unwrap();
    known(&home, gone_url).await;
    let input = json!({ "tunnelId": gone["id"] });
    user.mutate("deleteTunnel", input).await.value("tunnel");
    eventually("the edge has forgotten the tunnel", async || {
        let copy = fs::read_to_string(home.data_dir().join("edge").join("routes.json"));
        copy.is_ok_and(|it| !it.contains("certified-8001"))
    })
    .await;

    let other = |name: &str| url.replace("certified-8000", name);
    for unknown in [
        gone_url.to_owned(),
        other("never-made"),
        other("x.certified-8000"),
    ] {
        let refused = visitor.certificate(&unknown).await.unwrap_err();
        assert!(
            refused.to_string().contains("alert"),
            "{unknown}: {refused}"
        );
    }
    visitor.certificate(&url).await.unwrap();
    assert_eq!(pebble.orders(), 1, "{}", pebble.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_renewed_ahead_of_its_end() {
    let pebble = Pebble::new();
    let home = home_with(&pebble, &[]).await;
    pebble.start(home.edge_address(), SHORT_SECONDS).await;
    home.start_edge().await;
    let (user, space) = settler(&home).await;
    let url = tunnel(&user, &space, 8000).await;
    known(&home, &url).await;
    let visitor = pebble.visitor(home.edge_address()).await;
    let first = visitor.certificate(&url).await.unwrap();
    // Each visitor refuses a certificate that has ended.
    eventually("another certificate", async || {
        visitor.certificate(&url).await.expect("a valid one") != first
    })
    .await;
    assert_eq!(pebble.orders(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_that_fails_is_tried_again_while_the_old_certificate_serves_until_its_end() {
    let pebble = Pebble::new();
    let home = home_with(&pebble, &[("SPACEPORT_ACME_RETRY_SECONDS", "0.5")]).await;
    pebble.start(home.edge_address(), SHORT_SECONDS).await;
    home.start_edge().await;
    let (user, space) = settler(&home).await;
    let url = tunnel(&user, &space, 8000).await;
    known(&home, &url).await;
    let visitor = pebble.visitor(home.edge_address()).await;
    let certificate = visitor.certificate(&url).await.unwrap();
    pebble.kill();
    let failures = || {
        home.edge
            .log()
            .matches("no certificate could be got")
            .count()
    };
    eventually("two failed renewals", async || failures() >= 2).await;
    assert_eq!(visitor.certificate(&url).await.unwrap(), certificate);
    let kept = home.data_dir().join("edge").join("acme");
    let files = || {
        let servers = fs::read_dir(&kept).unwrap();
        servers
            .map(|it| {
                fs::read_dir(it.unwrap().path().join("certs"))
                    .unwrap()
                    .count()
            })
            .sum::<usize>()
    };
    assert_eq!(files(), 1);
    eventually("what has ended is forgotten", async || files() == 0).await;
    visitor.certificate(&url).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_whose_order_failed_is_left_alone_for_a_while() {
    let pebble = Pebble::new();
    let home = home_with(&pebble, &[]).await;
    // It looks for the proof where nobody is.
    pebble.start(free_address(), LONG_SECONDS).await;
    home.start_edge().await;
    let (user, space) = settler(&home).await;
    let url = tunnel(&user, &space, 8000).await;
    known(&home, &url).await;
    let visitor = pebble.visitor(home.edge_address()).await;
    for _ in 0..5 {
        visitor.certificate(&url).await.unwrap_err();
    }
    assert_eq!(pebble.orders(), 1);
    eventually("the reason is logged", async || {
        let log = home.edge.log();
        log.contains("the server did not accept the proof")
    })
    .await;
}
