//! How long queries and mutations take and what CPU they use, beside the least the same server
//! can answer: `/healthz`.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};

use crate::{
    client::Client, installation::Installation, population, process, report::Sample, report::Table,
};

/// Rounds over all operations, which take turns.
const ROUNDS: u32 = 8;

/// Requests of one operation in one round, one after the other.
const REQUESTS: u32 = 100;

/// What is asked.
#[derive(Clone, Debug)]
enum Operation {
    /// `GET` of a path.
    Get(&'static str),
    /// A GraphQL operation.
    Ask(Value),
}

struct Measured {
    name: &'static str,
    operation: Operation,
    latency_ms: Sample,
    cpu: Duration,
    /// SQL statements per request, a value for each round.
    statements: Sample,
    bytes: usize,
}

/// Measures every operation, one request at a time over one kept connection.
pub async fn measure(installation: &Installation, admin: &Client) -> anyhow::Result<Table> {
    let space = population::any_space(admin).await?;
    let mut all = operations(&space);
    for measured in &mut all {
        measured.bytes = send(admin, &measured.operation).await?.len();
    }
    let pid = installation.api_pid()?;
    for _ in 0..ROUNDS {
        for measured in &mut all {
            let statements_before = admin.sql_statements().await?;
            let cpu_before = process::cpu(pid)?;
            for _ in 0..REQUESTS {
                let began = Instant::now();
                send(admin, &measured.operation).await?;
                measured
                    .latency_ms
                    .push(began.elapsed().as_secs_f64() * 1e3);
            }
            measured.cpu += process::cpu(pid)?.saturating_sub(cpu_before);
            let statements = admin.sql_statements().await? - statements_before;
            measured
                .statements
                .push(f64::from(statements) / f64::from(REQUESTS));
        }
    }
    Ok(table(&all))
}

fn operations(space: &str) -> Vec<Measured> {
    let viewer = json!({"query": "{ viewer { id userName displayName } }"});
    let list = json!({
        "query": "{ spaces(first: 50, filter: { nameContains: \"own-\" }) { nodes { id name status \
                  owner { userName } template { name } volumes { name mountPath sizeGib } } } }",
    });
    let update = json!({
        "query": "mutation($input: UpdateSpaceInput!) { updateSpace(input: $input) { space { \
                  revision } problems { code } } }",
        "variables": {"input": {"spaceId": space, "description": "changed"}},
    });
    [
        ("GET /healthz", Operation::Get("/healthz")),
        ("viewer", Operation::Ask(viewer)),
        (
            "50 spaces with owner, template, volumes",
            Operation::Ask(list),
        ),
        ("updateSpace", Operation::Ask(update)),
    ]
    .into_iter()
    .map(|(name, operation)| Measured {
        name,
        operation,
        latency_ms: Sample::default(),
        cpu: Duration::ZERO,
        statements: Sample::default(),
        bytes: 0,
    })
    .collect()
}

async fn send(client: &Client, operation: &Operation) -> anyhow::Result<String> {
    match operation {
        Operation::Get(path) => client.text(path).await,
        Operation::Ask(body) => {
            let answer = client.answer(body).await?;
            let failed = answer.contains("\"errors\":") || answer.contains("\"code\":");
            ensure!(!failed, "refused: {answer}");
            Ok(answer)
        }
    }
}

fn table(all: &[Measured]) -> Table {
    let headings = [
        "request",
        "bytes",
        "median ms",
        "middle half",
        "p99 ms",
        "× healthz",
        "CPU µs",
        "× healthz",
        "SQL",
        "n",
    ];
    let mut table = Table::new("Queries and mutations", &headings);
    let floor_ms = all[0].latency_ms.median();
    let floor_us = cpu_us(&all[0]);
    for measured in all {
        let latency = &measured.latency_ms;
        table.row([
            measured.name.to_owned(),
            measured.bytes.to_string(),
            format!("{:.2}", latency.median()),
            latency.spread(),
            format!("{:.2}", latency.percentile(99)),
            format!("{:.1}", latency.median() / floor_ms),
            format!("{:.0}", cpu_us(measured)),
            format!("{:.1}", cpu_us(measured) / floor_us),
            // Others' statements only ever add.
            format!("{:.0}", measured.statements.percentile(1)),
            latency.len().to_string(),
        ]);
    }
    table
}

fn cpu_us(measured: &Measured) -> f64 {
    measured.cpu.as_secs_f64() * 1e6 / f64::from(ROUNDS * REQUESTS)
}
