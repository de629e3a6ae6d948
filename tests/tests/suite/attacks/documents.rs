//! Documents and variables that ask for too much.

use std::fmt::Write as _;

use serde_json::{Value, json};
use spaceport_tests::{Client, Database, Home, Installation, meter};

use super::{Wire, post, status};

/// One attack: what is sent, different for each number so that no cache helps, and what the refusal
/// says: its code, and the limit that was exceeded.
struct Attack {
    name: &'static str,
    sent: fn(usize) -> (String, Value),
    code: &'static str,
    limit: Option<&'static str>,
}

const fn too_complex(
    name: &'static str,
    limit: &'static str,
    sent: fn(usize) -> (String, Value),
) -> Attack {
    Attack {
        name,
        sent,
        code: "DOCUMENT_TOO_COMPLEX",
        limit: Some(limit),
    }
}

const fn invalid(name: &'static str, sent: fn(usize) -> (String, Value)) -> Attack {
    Attack {
        name,
        sent,
        code: "GRAPHQL_VALIDATION_FAILED",
        limit: None,
    }
}

/// `pattern` again and again, with its number for each `#`.
fn repeated(pattern: &str, times: usize) -> String {
    (0..times).fold(String::new(), |mut text, number| {
        let _ = write!(text, "{}", pattern.replace('#', &number.to_string()));
        text
    })
}

/// Opens and closes `times` around `inner`.
fn nested(open: &str, inner: &str, close: &str, times: usize) -> String {
    format!("{}{inner}{}", open.repeat(times), close.repeat(times))
}

/// A document that no request before had.
fn fresh(document: impl std::fmt::Display, number: usize) -> (String, Value) {
    (format!("{document} # {number}"), json!({}))
}

const ATTACKS: [Attack; 22] = [
    too_complex("aliases", "aliases", |n| {
        fresh(
            format!("{{ viewer {{ {} }} }}", repeated("a#: id ", 101)),
            n,
        )
    }),
    too_complex("many root fields", "rootFields", |n| {
        fresh(format!("{{ {} }}", "viewer { id } ".repeat(51)), n)
    }),
    too_complex("directives", "directives", |n| {
        let directives = "@skip(if: false) ".repeat(101);
        fresh(format!("{{ viewer {{ id {directives} }} }}"), n)
    }),
    too_complex("fragments that multiply", "selections", |n| {
        let fragments = (0..15).fold(String::new(), |mut text, level| {
            let next = level + 1;
            let _ = write!(
                text,
                "fragment F{level} on User {{ ...F{next} ...F{next} }} "
            );
            text
        });
        fresh(
            format!("{{ viewer {{ ...F0 }} }} {fragments} fragment F15 on User {{ id }}"),
            n,
        )
    }),
    too_complex("fragments within fragments", "fragmentDepth", |n| {
        let fragments = (0..40).fold(String::new(), |mut text, level| {
            let _ = write!(text, "fragment F{level} on User {{ ...F{} }} ", level + 1);
            text
        });
        fresh(
            format!("{{ viewer {{ ...F0 }} }} {fragments} fragment F40 on User {{ id }}"),
            n,
        )
    }),
    invalid("fragments in a circle", |n| {
        fresh(
            "{ viewer { ...A } } fragment A on User { ...B } fragment B on User { ...A }",
            n,
        )
    }),
    too_complex("depth", "depth", |n| {
        fresh(nested("{ node(id: 1) ", "{ id }", "}", 20), n)
    }),
    too_complex("brackets", "nesting", |n| {
        fresh(format!("{{ viewer {}", "{ a ".repeat(10_000)), n)
    }),
    too_complex("deep literals", "nesting", |n| {
        fresh(
            format!("{{ node(id: {}) {{ id }} }}", nested("[", "", "]", 10_000)),
            n,
        )
    }),
    too_complex("lists within lists", "listNesting", |n| {
        let spaces = nested("tunnels { space { ", "id", " } }", 4);
        fresh(format!("{{ spaces {{ nodes {{ {spaces} }} }} }}"), n)
    }),
    too_complex("types within types", "listNesting", |n| {
        let types = nested("fields { type { ", "name", " } }", 6);
        fresh(format!("{{ __type(name: \"Query\") {{ {types} }} }}"), n)
    }),
    too_complex("an answer without end", "complexity", |n| {
        let spaces = "volumes { name } ports { name } parameters { name } features { feature } \
                      tunnels { space { volumes { name } tunnels { id url } } } ";
        let root = format!("spaces(first: 100) {{ nodes {{ {spaces} }} }} ");
        let roots = (0..5).fold(String::new(), |mut text, number| {
            let _ = write!(text, "r{number}: {root}");
            text
        });
        fresh(format!("{{ {roots} }}"), n)
    }),
    too_complex("tokens", "tokens", |n| {
        fresh(format!("{{ {} }}", "a ".repeat(20_000)), n)
    }),
    too_complex("a long document", "bytes", |n| {
        fresh(format!("{{ viewer {{ id }} }} #{}", "x".repeat(500_000)), n)
    }),
    too_complex("a large variable used often", "variableBytes", |n| {
        let uses = (0..50).fold(String::new(), |mut text, number| {
            let _ = write!(text, "s{number}: spaceByName(name: $v) {{ id }} ");
            text
        });
        let text = "x".repeat(500_000);
        let (document, _) = fresh(format!("query ($v: String!) {{ {uses} }}"), n);
        (document, json!({ "v": text }))
    }),
    too_complex("deep variables", "jsonDepth", |n| {
        let deep = (0..100).fold(json!(n), |value, _| json!([value]));
        ("{ viewer { id } }".to_owned(), json!({ "v": deep }))
    }),
    invalid("many variables", |n| {
        fresh(
            format!(
                "query ({}) {{ viewer {{ id }} }}",
                repeated("$v#: Int ", 2_000)
            ),
            n,
        )
    }),
    Attack {
        name: "a huge number",
        sent: |n| {
            fresh(
                format!(
                    "{{ spaces(first: {}) {{ nodes {{ id }} }} }}",
                    "9".repeat(60_000)
                ),
                n,
            )
        },
        code: "GRAPHQL_PARSE_FAILED",
        limit: None,
    },
    invalid("many mistakes", |n| {
        fresh(
            format!("{{ viewer {{ {} }} }}", repeated("nothing# ", 1_900)),
            n,
        )
    }),
    invalid("a long name in many messages", |n| {
        let name = "n".repeat(30_000);
        fresh(
            format!(
                "query {name} {{ viewer {{ id {} }} }}",
                "x(a: $b) ".repeat(1_000)
            ),
            n,
        )
    }),
    invalid("conflicting fields", |n| {
        let field = "spaces(first: #) { nodes { id name status } } ";
        fresh(format!("{{ {} }}", repeated(field, 45)), n)
    }),
    invalid("a value of the wrong form", |n| {
        let document = "query ($f: SpaceFilter) { spaces(filter: $f) { nodes { id } } }";
        let statuses: Vec<_> = (0..50_000).map(|it| json!(it)).collect();
        let (document, _) = fresh(document, n);
        (document, json!({ "f": { "statuses": statuses } }))
    }),
];

/// How often each attack is sent where its cost is counted.
const ROUNDS: u16 = 20;

/// How often the trivial query is sent: the kernel's ticks are coarse.
const TRIVIAL_ROUNDS: u16 = 200;

/// How much more an attack may cost than a trivial query. The largest of them are thousands of
/// times as long as it.
const CPU_RATIO_MAX: f64 = 25.0;

/// How much more memory the process may hold at the worst than before.
const MEMORY_RATIO_MAX: f64 = 2.0;

/// Sends a request on a connection of its own, and gives the status and the answer.
async fn ask(home: &Home, client: &Client, document: &str, variables: Value) -> (String, Value) {
    let headers = format!(
        "Content-Type: application/json\r\nAccept: application/graphql-response+json\r\n\
         Authorization: Bearer {}\r\n",
        client.token()
    );
    let request = json!({ "query": document, "variables": variables });
    let mut wire = Wire::open(home.api_address()).await;
    wire.send(post(&headers, &request.to_string())).await;
    let answer = wire.rest().await;
    let (_, body) = answer.split_once("\r\n\r\n").expect("an answer");
    (
        status(&answer).to_owned(),
        serde_json::from_str(body).expect("JSON"),
    )
}

const TRIVIAL: &str = "{ viewer { id } }";

async fn home() -> (Home, Client) {
    let plan = Installation::plan(Database::Sqlite).without_edge();
    let home = plan.start().await;
    let admin = home.admin().await;
    (home, admin)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_asks_for_too_much_is_refused_by_name() {
    let home = Installation::shared(Database::Sqlite).await;
    let admin = home.admin().await;
    for Attack {
        name,
        sent,
        code,
        limit,
    } in &ATTACKS
    {
        let (document, variables) = sent(0);
        let (status, answer) = ask(&home, &admin, &document, variables).await;
        let error = &answer["errors"][0]["extensions"];
        assert_eq!(error["code"], *code, "{name}: {}", answer["errors"][0]);
        assert_eq!(error["limit"].as_str(), *limit, "{name}");
        assert_eq!(status, "400", "{name}");
        assert!(answer.get("data").is_none(), "{name}: nothing is executed");
        let length = answer.to_string().len();
        assert!(length < 100_000, "{name}: an answer of {length} bytes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusing_costs_no_more_than_some_trivial_queries() {
    let (home, admin) = home().await;
    let pid = home.api.pid();
    for _ in 0..ROUNDS {
        ask(&home, &admin, TRIVIAL, json!({})).await;
    }
    let before = meter::read(pid);
    for _ in 0..TRIVIAL_ROUNDS {
        ask(&home, &admin, TRIVIAL, json!({})).await;
    }
    let trivial = f64::from(meter::read(pid).cpu_ticks - before.cpu_ticks);
    let trivial = trivial.max(1.0) / f64::from(TRIVIAL_ROUNDS);
    for Attack { name, sent, .. } in &ATTACKS {
        let started = meter::read(pid);
        for round in 1..=ROUNDS {
            let (document, variables) = sent(round.into());
            ask(&home, &admin, &document, variables).await;
        }
        let used = f64::from(meter::read(pid).cpu_ticks - started.cpu_ticks);
        let ratio = used / f64::from(ROUNDS) / trivial;
        assert!(ratio < CPU_RATIO_MAX, "{name}: {ratio:.1} trivial queries");
    }
    let ratio = f64::from(meter::read(pid).peak_kib) / f64::from(before.rss_kib);
    assert!(ratio < MEMORY_RATIO_MAX, "{ratio:.2} times the memory");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_attack_again_costs_a_trivial_query() {
    let (home, admin) = home().await;
    let pid = home.api.pid();
    let mistakes = || format!("{{ viewer {{ {} }} }}", repeated("nothing# ", 1_900));
    let cost = async |document: String| {
        let started = meter::read(pid);
        for _ in 0..TRIVIAL_ROUNDS {
            ask(&home, &admin, &document, json!({})).await;
        }
        f64::from(meter::read(pid).cpu_ticks - started.cpu_ticks).max(1.0)
    };
    cost(TRIVIAL.to_owned()).await;
    let trivial = cost(TRIVIAL.to_owned()).await;
    let ratio = cost(mistakes()).await / trivial;
    assert!(ratio < 4.0, "{ratio:.1} trivial queries");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_not_told_the_schema() {
    let home = Installation::shared(Database::Sqlite).await;
    let stranger = home.anonymous();
    for document in [
        "{ __schema { types { name } } }",
        "{ ...A } fragment A on Query { __schema { types { name } } }",
    ] {
        let codes = stranger.error_codes(document, json!({})).await;
        assert_eq!(codes, ["UNAUTHENTICATED"], "{document}");
    }
    let data = stranger
        .query("{ __type(name: \"Query\") { name } }", json!({}))
        .await;
    assert_eq!(data, json!({ "__type": null }));
    let member = home.admin().await;
    let data = member
        .query("{ __type(name: \"Query\") { name } }", json!({}))
        .await;
    assert_eq!(data["__type"]["name"], "Query");
}
