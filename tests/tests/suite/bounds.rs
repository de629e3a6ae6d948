//! What many and slow visitors take from the others: next to nothing.
//!
//! Times are compared with those of the same machine in the same run, before the crowd and after.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Command,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use serde_json::json;
use spaceport_tests::{
    BASE, Database, Home, Installation, PATIENCE, Visitor, eventually, in_time, meter,
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time,
};
use tokio_rustls::client::TlsStream;

/// Connections on which nothing happens.
const IDLE: usize = 10_000;
/// Addresses they come from: one alone would have its share soon.
const ADDRESSES: usize = 8;
/// Handshakes under way at once.
const OPENING: usize = 64;
/// Slow visitors of each of three kinds: heads, bodies, answers that aren't read.
const SLOW_EACH: usize = 67;
/// Files this test and the edge each have open, at least.
const FILES: usize = 16_000;
/// Visitors whose time counts, and their requests in a round.
const VISITORS: usize = 4;
const REQUESTS: usize = 250;
/// Between two bytes of a slow visitor.
const TRICKLE_PAUSE: Duration = Duration::from_millis(500);
/// After it who is slow is cut: longer than all of them take to come, and the busy rounds.
const SLOW_MAX: Duration = Duration::from_secs(90);
const QUIET_ROUNDS: usize = 4;
const BUSY_ROUNDS: usize = 8;
/// How often the busy rounds are had: what else the machine does comes and goes, and the crowd stays.
const BUSY_SETS_MAX: usize = 3;

/// A page on port 8000; on 8001, for the slow, endless answers and a taker of bodies.
const SERVE: &str = r#"
cat > /tmp/serve.py <<'PYTHON'
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def setup(self):
        super().setup()
        self.connection.setsockopt(6, 1, 1)
    def do_GET(self):
        size = 1 << 30 if self.path == "/endless" else 1024
        self.send_response(200)
        self.send_header("content-length", str(size))
        self.end_headers()
        piece = b"x" * min(size, 1 << 18)
        while size > 0: size -= self.wfile.write(piece)
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256
Server(("", int(sys.argv[1])), Handler).serve_forever()
PYTHON
python3 /tmp/serve.py 8001 2>/dev/null &
exec python3 /tmp/serve.py 8000
"#;

/// Who is slow, and how.
#[derive(Clone, Copy, Debug)]
enum Slowness {
    Head,
    Body,
    Reading,
}

impl Slowness {
    const ALL: [Self; 3] = [Self::Head, Self::Body, Self::Reading];

    fn begin(self, host: &str) -> String {
        match self {
            Self::Head => format!("GET / HTTP/1.1\r\nhost: {host}\r\n"),
            Self::Body => {
                format!("POST / HTTP/1.1\r\nhost: {host}\r\ncontent-length: 9999\r\n\r\n")
            }
            Self::Reading => format!("GET /endless HTTP/1.1\r\nhost: {host}\r\n\r\n"),
        }
    }
}

/// A crowd around one edge.
struct Crowd {
    visitor: Visitor,
    edge: SocketAddr,
    host: String,
}

impl Crowd {
    async fn connect(
        &self,
        number: usize,
        protocol: &str,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let socket = TcpSocket::new_v4()?;
        let last = u8::try_from(2 + number % ADDRESSES).expect("few");
        socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into())?;
        let stream = socket.connect(self.edge).await?;
        self.visitor.encrypt(stream, &self.host, protocol).await
    }

    /// One that has introduced itself by HTTP/2 (RFC 9113 §3.4) and asks for nothing.
    async fn idle(&self, number: usize) -> TlsStream<TcpStream> {
        const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        let mut stream = in_time("a connection", self.connect(number, "h2"))
            .await
            .unwrap();
        stream.write_all(PREFACE).await.unwrap();
        stream
    }

    /// Begins slowly; what is given back ends when it was cut.
    async fn dawdle(&self, number: usize, slowness: Slowness) -> impl Future<Output = ()> + use<> {
        let mut stream = in_time("a connection", self.connect(number, "http/1.1"))
            .await
            .unwrap();
        let begin = slowness.begin(&self.host);
        stream.write_all(begin.as_bytes()).await.unwrap();
        async move {
            // Whoever doesn't read hears by a reset, in answer to what they send, that they were cut.
            while stream.write_all(b"x").await.is_ok() {
                time::sleep(TRICKLE_PAUSE).await;
            }
        }
    }
}

/// Each visitor's requests by one connection; the time that all but a hundredth of them took.
async fn p99(visitor: &Visitor, page: &str) -> Duration {
    let mut visits = JoinSet::new();
    for _ in 0..VISITORS {
        let (visitor, page) = (visitor.clone(), page.to_owned());
        visits.spawn(async move {
            let mut times = Vec::with_capacity(REQUESTS);
            for _ in 0..REQUESTS {
                let began = Instant::now();
                let answer = visitor.get(&page).await;
                times.push(began.elapsed());
                assert_eq!((answer.status, answer.body.len()), (200, 1024));
            }
            times
        });
    }
    let mut times: Vec<_> = visits.join_all().await.into_iter().flatten().collect();
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

async fn rounds(count: usize, visitor: &Visitor, page: &str) -> Vec<Duration> {
    let rounds = stream::iter(0..count).then(|_| p99(visitor, page));
    rounds.collect().await
}

/// The median of busy rounds, of those that were the least disturbed.
async fn busy_rounds(visitor: &Visitor, page: &str, fine: Duration) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..BUSY_SETS_MAX {
        best = best.min(median(rounds(BUSY_ROUNDS, visitor, page).await));
        if best <= fine {
            break;
        }
    }
    best
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

async fn url(home: &Home, port: u16, user: &spaceport_tests::Client, space: &str) -> String {
    let tunnel = user.create_tunnel(space, port).await;
    let url = tunnel["url"].as_str().expect("a URL").to_owned();
    home.visitor()
        .get_until(&url, "it serves", |it| it.status == 200)
        .await;
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_idle_and_slow_visitors_takes_little_from_the_others() {
    let raised = Command::new("prlimit")
        .args(["--pid", &std::process::id().to_string()])
        .arg(format!("--nofile={FILES}:"))
        .status();
    assert!(raised.is_ok_and(|it| it.success()), "{FILES} open files");
    let slow_max = SLOW_MAX.as_secs().to_string();
    let home = Installation::plan(Database::Sqlite)
        .set("SPACEPORT_EDGE_HEADER_SECONDS", &slow_max)
        .set("SPACEPORT_EDGE_BODY_SECONDS", &slow_max)
        .set("SPACEPORT_EDGE_SEND_SECONDS", &slow_max)
        // Those who are idle stay, and needn't answer.
        .set("SPACEPORT_EDGE_IDLE_SECONDS", "600")
        .set("SPACEPORT_EDGE_HTTP2_PING_SECONDS", "600")
        .start()
        .await;
    let admin = home.admin().await;
    let blueprint =
        json!({ "image": BASE, "command": ["sh", "-c", SERVE], "memoryMib": 512, "pids": 2048 });
    let template = admin.create_template("crowded", blueprint).await;
    let user = admin.create_user("crowded", json!({})).await;
    let space = user.run_space(&template, "crowded").await;
    let page = url(&home, 8000, &user, &space).await;
    let slow_page = url(&home, 8001, &user, &space).await;
    let visitor = home.visitor();
    let rss_kib = || meter::read(home.edge.pid()).rss_kib;

    rounds(1, &visitor, &page).await;
    let mut quiet = rounds(QUIET_ROUNDS, &visitor, &page).await;
    let rss_before = rss_kib();

    let slow_url: reqwest::Url = slow_page.parse().unwrap();
    let crowd = Crowd {
        visitor: visitor.clone(),
        edge: home.edge_address(),
        host: slow_url.host_str().unwrap().to_owned(),
    };
    let idle: Vec<_> = stream::iter(0..IDLE)
        .map(|number| crowd.idle(number))
        .buffer_unordered(OPENING)
        .collect()
        .await;
    let mut slow = JoinSet::new();
    for number in 0..SLOW_EACH {
        for slowness in Slowness::ALL {
            slow.spawn(crowd.dawdle(number, slowness).await);
        }
    }
    // Until those who don't read have as much waiting for them as the edge lets them have.
    rounds(1, &visitor, &page).await;
    let fine = median(quiet.clone()) * 2;
    let busy = busy_rounds(&visitor, &page, fine).await;
    let rss_busy = rss_kib();
    let metrics = reqwest::get(home.edge_status_url("/metrics"))
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    let open = metrics
        .lines()
        .find_map(|line| line.strip_prefix("spaceport_edge_connections "))
        .and_then(|count| count.parse::<f64>().ok());
    assert!(open.is_some_and(|it| it >= 10_000.0), "{open:?} are open");
    assert_eq!(slow.len(), 3 * SLOW_EACH);
    assert!(
        slow.try_join_next().is_none(),
        "they were there all the time"
    );
    let cut = time::timeout(SLOW_MAX + PATIENCE, slow.join_all());
    cut.await.expect("all who are slow are cut");

    drop(idle);
    eventually("all have gone", async || {
        let metrics = reqwest::get(home.edge_status_url("/metrics"))
            .await
            .unwrap();
        let metrics = metrics.text().await.unwrap();
        let mut lines = metrics.lines();
        lines
            .find_map(|line| line.strip_prefix("spaceport_edge_connections "))
            .is_some_and(|count| count.parse::<f64>().unwrap() < 100.0)
    })
    .await;
    quiet.extend(rounds(QUIET_ROUNDS, &visitor, &page).await);
    let rss_after = rss_kib();
    let quiet = median(quiet);
    assert!(busy <= quiet * 2, "p99 {busy:?} beside {quiet:?}");
    let (grown, kept) = (rss_busy - rss_before, rss_after.saturating_sub(rss_before));
    assert!(kept * 4 < grown, "of {grown} KiB, {kept} KiB are kept");
}
