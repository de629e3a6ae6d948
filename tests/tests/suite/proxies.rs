//! Whom clients and visitors are taken for behind a proxy, trusted or not, and when they claim to
//! be behind one.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};
use spaceport_tests::{
    BASE, Client, Database, Home, Installation, Payload, eventually, on_both_databases,
};

on_both_databases!(
    a_trusted_proxy_says_who_signs_in_and_does_what,
    who_is_behind_a_trusted_proxy_is_slowed_down_alone,
);

/// Where the trusted proxy calls from; tests themselves call from 127.0.0.1.
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Answers on port 8000 with the fields of the request.
const ECHO: &str = r#"
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        body = str(self.headers).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
ThreadingHTTPServer(("", 8000), Echo).serve_forever()
"#;

async fn behind_a_proxy(database: Database) -> Home {
    Installation::plan(database)
        .set("SPACEPORT_API_TRUSTED_PROXIES", "127.0.0.2, 10.0.0.0/8")
        .set("SPACEPORT_API_MAX_CONNECTIONS_PER_ADDRESS", "20")
        .without_edge()
        .start()
        .await
}

async fn sign_in(client: &Client, password: &str) -> Payload {
    let input = json!({ "userName": "proxied", "password": password });
    client.mutate("signIn", input).await
}

/// Signs in, and gives the address that the list of sign-ins shows.
async fn seen_address(client: &Client) -> Value {
    let client = client.sign_in("proxied", "their password").await;
    let document = "{ viewer { sessions { current address } } }";
    let data = client.query(document, json!({})).await;
    let sessions = data["viewer"]["sessions"].as_array().expect("a list");
    let own = sessions.iter().find(|it| it["current"] == true);
    let address = own.expect("a sign-in")["address"].clone();
    client.sign_out().await;
    address
}

async fn a_trusted_proxy_says_who_signs_in_and_does_what(database: Database) {
    let home = behind_a_proxy(database).await;
    let admin = home.admin().await;
    let user = admin.create_user("proxied", json!({})).await;
    let (anybody, proxy) = (home.anonymous(), home.anonymous().from(PROXY));
    let custom = "x-forwarded-for";
    for (client, field, claim, expected) in [
        (&anybody, custom, "6.6.6.6", "127.0.0.1"),
        (&anybody, custom, "6.6.6.6, 127.0.0.2", "127.0.0.1"),
        (&anybody, "forwarded", "for=6.6.6.6", "127.0.0.1"),
        (&proxy, "x-real-ip", "6.6.6.6", "127.0.0.2"),
        (&proxy, custom, "198.51.100.7", "198.51.100.7"),
        (
            &proxy,
            custom,
            "6.6.6.6, 198.51.100.8, 10.0.0.1",
            "198.51.100.8",
        ),
        (&proxy, custom, "6.6.6.6, nonsense", "127.0.0.2"),
        (
            &proxy,
            "forwarded",
            "for=6.6.6.6, for=\"[2001:db8::7]:80\"",
            "2001:db8::7",
        ),
    ] {
        let client = client.with_field(field, claim);
        assert_eq!(seen_address(&client).await, expected, "{field}: {claim}");
        let log = "query ($user: ID!) { auditLog(first: 100, filter: { actorId: $user, \
            action: \"signOut\" }) { nodes { address } } }";
        let log = admin
            .query(log, json!({ "user": user.viewer_id().await }))
            .await;
        let last = log["auditLog"]["nodes"].as_array().and_then(|it| it.last());
        assert_eq!(
            last.expect("an entry")["address"],
            expected,
            "{field}: {claim}"
        );
    }
}

async fn who_is_behind_a_trusted_proxy_is_slowed_down_alone(database: Database) {
    let home = behind_a_proxy(database).await;
    let admin = home.admin().await;
    admin.create_user("proxied", json!({})).await;
    let proxy = home.anonymous().from(PROXY);
    let [guesser, other] =
        ["6.6.6.6", "198.51.100.7"].map(|it| proxy.with_field("x-forwarded-for", it));
    let mut guesses = 0;
    while sign_in(&guesser, "a guess").await.codes() == ["INVALID_CREDENTIALS"] {
        guesses += 1;
        assert!(guesses < 50, "somebody may guess for ever");
        // Another name in front makes them nobody else.
        let claim = format!("192.0.2.{guesses}, 6.6.6.6");
        sign_in(&proxy.with_field("x-forwarded-for", &claim), "a guess").await;
    }
    let right = "their password";
    assert_eq!(sign_in(&guesser, right).await.codes(), ["RATE_LIMITED"]);
    assert!(sign_in(&other, right).await.succeeded());
    assert!(sign_in(&proxy, right).await.succeeded());
}

#[tokio::test]
async fn a_trusted_proxy_has_any_number_of_connections() {
    let home = behind_a_proxy(Database::Sqlite).await;
    let mut held = Vec::new();
    for _ in 0..40 {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((PROXY, 0).into()).unwrap();
        held.push(socket.connect(home.api_address()).await.unwrap());
    }
    let client = home.anonymous().from(PROXY);
    let client = client.with_field("x-forwarded-for", "198.51.100.7");
    let (status, _) = client.answer("{ __typename }", json!({})).await;
    assert_eq!(status, 200);
    for _ in 0..20 {
        held.push(
            tokio::net::TcpStream::connect(home.api_address())
                .await
                .unwrap(),
        );
    }
    let url = home.api_url("/healthz");
    let refused = reqwest::Client::builder().no_proxy().build().unwrap();
    eventually("who is no proxy is refused", async || {
        refused.get(&url).send().await.is_err()
    })
    .await;
}

/// Rule 1 of the edge: nobody but the socket's peer and trusted proxies sets forwarding fields, and
/// the host of `X-Forwarded-Host` is nobody's way anywhere.
#[tokio::test]
async fn only_a_trusted_proxy_tells_the_edge_who_visits() {
    for (trusted, expected) in [("127.0.0.1", "198.51.100.7"), ("127.0.0.2", "127.0.0.1")] {
        let plan = Installation::plan(Database::Sqlite);
        let home = plan
            .set("SPACEPORT_EDGE_TRUSTED_PROXIES", trusted)
            .start()
            .await;
        let admin = home.admin().await;
        let command = ["python3", "-c", ECHO];
        let blueprint = json!({ "image": BASE, "command": command, "memoryMib": 256 });
        let template = admin.create_template("told", blueprint).await;
        let space = admin.run_space(&template, "told").await;
        let tunnel = admin.create_tunnel(&space, 8000).await;
        let url = tunnel["url"].as_str().expect("a URL");
        let visitor = home.visitor();
        let fields = [
            ("x-forwarded-for", "6.6.6.6, 198.51.100.7"),
            ("x-forwarded-host", "elsewhere--admin.tunnels.localhost"),
            ("x-real-ip", "6.6.6.6"),
        ];
        let mut body = String::new();
        eventually("the space answers", async || {
            let answer = visitor.get_with(url, &fields).await;
            body = answer.body.to_ascii_lowercase();
            answer.status == 200
        })
        .await;
        let told = |name: &str| {
            let lines = body.lines().filter_map(|it| it.split_once(':'));
            let values = lines.filter(|(field, _)| *field == name);
            values
                .map(|(_, value)| value.trim().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(told("x-forwarded-for"), [expected], "{body}");
        assert!(told("x-real-ip").is_empty());
        let host = url.trim_start_matches("https://").trim_end_matches('/');
        assert_eq!(told("x-forwarded-host"), [host]);
        let forwarded = format!("for={expected};host=\"{host}\";proto=https");
        assert_eq!(told("forwarded"), [forwarded]);
        eventually("the request is in the edge's log", async || {
            let log = home.edge.log();
            log.lines()
                .any(|it| it.contains(&format!("client={expected} ")) && it.contains("status=200"))
        })
        .await;
    }
}
