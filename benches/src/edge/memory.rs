//! What a connection costs that says nothing.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{servers::Server, site::Site, visitor::Visitor};
use crate::{process, report::Table};

/// How many connections are idle at once.
const CONNECTIONS: u32 = 2000;
/// How many are opened at the same time.
const CONNECTING: usize = 32;
/// How long a server gets to give back what connecting, or ending, took.
const SETTLE: Duration = Duration::from_secs(1);

/// What one server holds, in KiB.
#[derive(Clone, Copy, Debug)]
struct Growth {
    /// For each connection that is idle.
    each: f64,
    /// What is left of that once all have ended.
    left: f64,
}

/// Opens many connections to each server, lets them rest after one request, and closes them.
pub async fn measure(site: &Arc<Site>, edge: &Server, nginx: &Server) -> anyhow::Result<Table> {
    let headings = [
        "2,000 idle TLS connections",
        "KiB each",
        "left after their end, KiB each",
    ];
    let mut table = Table::new("Memory of idle connections", &headings);
    let mut each = [0.0; 2];
    for (server, each) in [edge, nginx].into_iter().zip(&mut each) {
        let growth = grow(site, server).await?;
        *each = growth.each;
        table.row([
            server.name.to_owned(),
            format!("{:.1}", growth.each),
            format!("{:.1}", growth.left),
        ]);
    }
    let [ours, theirs] = each;
    let verdict = if ours <= theirs { "met" } else { "missed" };
    table.note(format!(
        "Ratio to nginx: {:.2}; aim ≤ 1: {verdict}. Growth of RSS; each connection has made one \
         request.",
        ours / theirs
    ));
    Ok(table)
}

async fn grow(site: &Arc<Site>, server: &Server) -> anyhow::Result<Growth> {
    // What the first connections need once isn't theirs alone.
    drop(visit(site, server.address, u32::try_from(CONNECTING)?).await?);
    tokio::time::sleep(SETTLE).await;
    let rss = || anyhow::Ok(f64::from(process::memory(server.pid)?.rss_kib));
    let before = rss()?;
    let visitors = visit(site, server.address, CONNECTIONS).await?;
    tokio::time::sleep(SETTLE).await;
    let idle = rss()?;
    drop(visitors);
    tokio::time::sleep(SETTLE).await;
    let after = rss()?;
    Ok(Growth {
        each: (idle - before) / f64::from(CONNECTIONS),
        left: (after - before) / f64::from(CONNECTIONS),
    })
}

async fn visit(site: &Arc<Site>, address: SocketAddr, count: u32) -> anyhow::Result<Vec<Visitor>> {
    stream::iter(0..count)
        .map(|_| async {
            let mut visitor = Visitor::connect(site, address).await?;
            visitor.get("/small").await?;
            visitor.rest();
            anyhow::Ok(visitor)
        })
        .buffer_unordered(CONNECTING)
        .try_collect()
        .await
}
