//! Files, through the edge.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use reqwest::{Body, Method};
use spaceport_tests::{Database, Installation, meter};

use super::Reach;

/// A name of every byte there may be in one, as a URL spells it.
fn any_name() -> String {
    let bytes = (1..=255_u8).filter(|it| *it != b'/');
    bytes.fold(String::new(), |name, it| name + &format!("%{it:02X}"))
}

#[tokio::test]
async fn a_file_comes_back_as_it_was_whatever_its_name_is() {
    let reach = Reach::open(Database::Sqlite, "names", "exec sleep infinity").await;
    let cookie = reach.enter("files").await;
    let content: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for name in ["plain", "%C3%A4%20%2B%3F%23%25", &any_name()] {
        let path = format!("/home/work/{name}");
        let url = reach.url("files", &path);
        let http = reach.visitor.http2();
        let request = |method| http.request(method, &url).header("cookie", &cookie);
        let put = request(Method::PUT)
            .body(content.clone())
            .send()
            .await
            .unwrap();
        assert_eq!(put.status(), 201, "{path}: {:?}", put.headers());
        let got = request(Method::GET).send().await.unwrap();
        assert_eq!(got.status(), 200);
        assert_eq!(got.headers()["x-content-type-options"], "nosniff");
        let policy = got.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("sandbox allow-downloads;"), "{policy}");
        assert_eq!(got.bytes().await.unwrap(), content);
    }
    let count = reach.inside("ls /home/dev/work | wc -l");
    assert!(count.trim().parse::<u32>().unwrap() >= 3, "{count}");
    assert_eq!(reach.inside("stat -c %U /home/dev/work/plain"), "dev");
    for path in ["/fs/etc/../etc/passwd", "/fs/etc%2Fpasswd", "/home//work"] {
        let url = reach.url("files", path);
        // A client that follows the standard would take the dots out.
        let path = url.rsplit_once(':').unwrap().1;
        let path = &path[path.find('/').unwrap()..];
        let host = reach.host("files");
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
        );
        let answer = reach.visitor.raw(&host, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
    }
}

#[tokio::test]
async fn the_first_request_waits_for_an_agent_that_is_slow_to_start() {
    // The edge's patience is about agents that never come; how long this one takes is the machine's.
    let plan = Installation::plan(Database::Sqlite).set("SPACEPORT_EDGE_CONNECT_SECONDS", "60");
    let home = plan.start().await;
    // A hundredth of a processor: its container runs long before anything in it does.
    let reach = Reach::open_with(home, "slow", "exec sleep infinity", Some(0.01)).await;
    let cookie = reach.enter("files").await;
    let url = reach.url("files", "/home/");
    let request = reach.visitor.http2().get(url).header("cookie", cookie);
    let got = request.send().await.unwrap();
    assert_eq!(got.status(), 200, "{:?}", got.headers());
}

#[tokio::test]
async fn a_large_file_goes_through_both_ways_in_constant_memory() {
    const PIECE: usize = 256 << 10;
    const PIECES: usize = 4096;
    const GROWTH_MAX_KIB: u32 = 48 << 10;
    let home = Installation::start(Database::Sqlite).await;
    let reach = Reach::open_in(home, "large", "exec sleep infinity").await;
    let cookie = reach.enter("files").await;
    let url = reach.url("files", "/home/large");
    let http = reach.visitor.http2();
    let request = |method| {
        let request = http.request(method, &url).header("cookie", &cookie);
        request.timeout(Duration::from_mins(10))
    };
    // The first one makes what lasts.
    request(Method::PUT).body("small").send().await.unwrap();
    let before = meter::read(reach.home.edge.pid()).peak_kib;
    let piece = Bytes::from(vec![7; PIECE]);
    let pieces = stream::iter((0..PIECES).map(move |_| Ok::<_, std::io::Error>(piece.clone())));
    let put = request(Method::PUT).body(Body::wrap_stream(pieces));
    assert_eq!(put.send().await.unwrap().status(), 200);
    let mut got = request(Method::GET).send().await.unwrap();
    let mut bytes = 0;
    while let Some(piece) = got.chunk().await.unwrap() {
        bytes += piece.len();
    }
    assert_eq!(bytes, PIECE * PIECES);
    let grown = meter::read(reach.home.edge.pid()).peak_kib - before;
    assert!(grown <= GROWTH_MAX_KIB, "{grown} KiB");
}
