//! A thousand subscribers of one space: what one costs, and what telling all of them costs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::Notify, task::JoinSet};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::{
    client::Client,
    installation::Installation,
    population, process,
    report::{Sample, Table},
};

/// How many subscribe, each over a WebSocket of its own.
const SUBSCRIBERS: u32 = 1000;
/// How many changes they are told of.
const EVENTS: u32 = 40;
/// How many connections are opened at the same time.
const CONNECTING: usize = 32;
/// How long what came last may be waited for.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the process gets to give back what connecting took.
const SETTLE: Duration = Duration::from_secs(2);

/// What is subscribed to: the event alone, and with everything around the space.
const DOCUMENTS: [(&str, &str); 2] = [
    (
        "status and revision",
        "subscription($id: ID!) { spaceChanged(id: $id) { cursor change space { id name status \
         revision } } }",
    ),
    (
        "with owner, template, volumes, features",
        "subscription($id: ID!) { spaceChanged(id: $id) { cursor change space { id name status \
         revision owner { userName } template { name } volumes { name sizeGib } features { \
         feature available } } } }",
    ),
];

/// What all subscribers have got so far.
#[derive(Debug, Default)]
struct Received {
    events: AtomicU32,
    news: Notify,
}

impl Received {
    async fn until(&self, wanted: u32) -> anyhow::Result<()> {
        let wait = async {
            loop {
                let news = self.news.notified();
                if self.events.load(Ordering::Acquire) >= wanted {
                    return;
                }
                news.await;
            }
        };
        let all = tokio::time::timeout(DELIVERY_TIMEOUT, wait).await;
        let got = self.events.load(Ordering::Acquire);
        all.with_context(|| format!("{got} of {wanted} events came"))
    }
}

/// Measures both documents.
pub async fn measure(installation: &Installation, admin: &Client) -> anyhow::Result<Table> {
    let headings = [
        "1,000 subscribers of one space",
        "KiB each",
        "CPU µs a delivery",
        "SQL an event",
        "ms to the last, median",
        "middle half",
        "lost",
        "n",
    ];
    let mut table = Table::new("Subscribers", &headings);
    for (name, document) in DOCUMENTS {
        let cells = measure_one(installation, admin, document).await?;
        let [memory, cpu, sql, median, spread, lost, n] = cells;
        table.row([name.to_owned(), memory, cpu, sql, median, spread, lost, n]);
    }
    table.note(format!(
        "Each over a WebSocket of its own, all of one user; {EVENTS} changes, one after the other. \
         KiB are of the API's RSS; CPU and SQL are the API's, the mutations included."
    ));
    Ok(table)
}

async fn measure_one(
    installation: &Installation,
    admin: &Client,
    document: &str,
) -> anyhow::Result<[String; 7]> {
    let space = population::any_space(admin).await?;
    let pid = installation.api_pid()?;
    let before = process::memory(pid)?;
    let received = Arc::new(Received::default());
    let subscribers = subscribe(admin, document, &space, &received).await?;
    received.until(SUBSCRIBERS).await?;
    tokio::time::sleep(SETTLE).await;
    let after = process::memory(pid)?;
    let kib = f64::from(after.rss_kib.saturating_sub(before.rss_kib));

    let mut last_ms = Sample::default();
    let (cpu_before, sql_before) = (process::cpu(pid)?, admin.sql_statements().await?);
    for event in 1..=EVENTS {
        let began = Instant::now();
        let input = json!({ "spaceId": space, "description": format!("{document} {event}") });
        admin
            .change("updateSpace", "UpdateSpaceInput", "cursor", input)
            .await?;
        received.until(SUBSCRIBERS * (1 + event)).await?;
        last_ms.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let cpu = process::cpu(pid)?.saturating_sub(cpu_before);
    let sql = admin.sql_statements().await? - sql_before;
    let deliveries = SUBSCRIBERS * EVENTS;
    let lost = SUBSCRIBERS * (1 + EVENTS) - received.events.load(Ordering::Acquire);
    ensure!(lost == 0, "{lost} events were lost");
    drop(subscribers);
    Ok([
        format!("{:.1}", kib / f64::from(SUBSCRIBERS)),
        format!("{:.1}", cpu.as_secs_f64() * 1e6 / f64::from(deliveries)),
        format!("{:.1}", f64::from(sql) / f64::from(EVENTS)),
        format!("{:.1}", last_ms.median()),
        last_ms.spread(),
        lost.to_string(),
        deliveries.to_string(),
    ])
}

/// Opens all subscriptions; they are read until the set is dropped.
async fn subscribe(
    admin: &Client,
    document: &str,
    space: &str,
    received: &Arc<Received>,
) -> anyhow::Result<JoinSet<anyhow::Result<()>>> {
    let mut readers = JoinSet::new();
    let payload = json!({ "query": document, "variables": { "id": space } });
    let mut opened = futures_util::stream::iter(0..SUBSCRIBERS)
        .map(|_| open(admin, &payload))
        .buffer_unordered(CONNECTING);
    while let Some(socket) = opened.next().await {
        readers.spawn(read(socket?, Arc::clone(received)));
    }
    Ok(readers)
}

async fn open(admin: &Client, payload: &Value) -> anyhow::Result<WebSocketStream<TcpStream>> {
    let (address, token) = (admin.address()?, admin.token());
    let mut request = format!("ws://{address}/graphql").into_client_request()?;
    let protocol = HeaderValue::from_static("graphql-transport-ws");
    request
        .headers_mut()
        .insert("sec-websocket-protocol", protocol);
    let stream = TcpStream::connect(address).await?;
    let (mut socket, _) = Box::pin(client_async(request, stream)).await?;
    let init = json!({
        "type": "connection_init",
        "payload": { "authorization": format!("Bearer {token}") },
    });
    socket.send(Message::text(init.to_string())).await?;
    let acknowledged = socket.next().await.context("the connection ended")??;
    ensure!(acknowledged.is_text(), "no acknowledgement");
    let subscribe = json!({ "type": "subscribe", "id": "1", "payload": payload });
    socket.send(Message::text(subscribe.to_string())).await?;
    Ok(socket)
}

async fn read(
    mut socket: WebSocketStream<TcpStream>,
    received: Arc<Received>,
) -> anyhow::Result<()> {
    while let Some(message) = socket.next().await {
        let message = message?;
        if !message.is_text() {
            continue;
        }
        let text = message.to_text()?;
        if !text.starts_with("{\"type\":\"next\"") {
            bail!("not an event: {text}");
        }
        received.events.fetch_add(1, Ordering::AcqRel);
        received.news.notify_one();
    }
    Ok(())
}
