//! Memory of both processes when nothing happens.

use std::time::Duration;

use crate::{
    installation::Installation,
    process::{self, Memory},
    report::Table,
};

/// How many spaces are made between the two readings.
pub const SPACES: usize = 100;

/// How long nothing is asked before memory is read.
const SETTLE: Duration = Duration::from_secs(2);

/// What each process holds.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    api: Memory,
    edge: Memory,
}

/// Reads both after a pause.
pub async fn read(installation: &Installation) -> anyhow::Result<Reading> {
    tokio::time::sleep(SETTLE).await;
    Ok(Reading {
        api: process::memory(installation.api_pid()?)?,
        edge: process::memory(installation.edge_pid()?)?,
    })
}

/// The two readings side by side.
pub fn table(fresh: &Reading, filled: &Reading) -> Table {
    let mut table = Table::new(
        "Idle memory, MiB",
        &[
            "process",
            "RSS",
            "PSS",
            "RSS, 100 spaces",
            "PSS, 100 spaces",
        ],
    );
    for (process, before, after) in [
        ("spaceport-api", fresh.api, filled.api),
        ("spaceport-proxy", fresh.edge, filled.edge),
    ] {
        let cells = [before.rss_kib, before.pss_kib, after.rss_kib, after.pss_kib];
        let [a, b, c, d] = cells.map(|kib| format!("{:.1}", f64::from(kib) / 1024.0));
        table.row([process.to_owned(), a, b, c, d]);
    }
    table
}
