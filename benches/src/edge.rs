//! The edge beside nginx: the same certificate, the same upstream, one worker each, in turns.
//!
//! Nothing here needs Docker: the edge is told its one route by a feed of the benchmark's own, and
//! both servers carry visitors to an upstream of the benchmark's own.

mod feed;
mod load;
mod memory;
mod servers;
mod site;
mod upstream;
mod visitor;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    process, progress,
    report::{Sample, Table},
};
use load::Load;
use servers::Server;
use site::Site;

/// How often each server has its turn with each load.
const ROUNDS: usize = 7;
/// How long a turn lasts; what was begun is brought to its end.
const TURN: Duration = Duration::from_millis(1400);
/// A turn before the first round, which isn't counted.
const WARM_UP: Duration = Duration::from_millis(400);

/// What one server did in one turn.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// CPU time of the server's process for one unit, in microseconds.
    cpu_us: f64,
    /// Units a second.
    rate: f64,
}

/// What names the row of idle connections when it is run alone.
const MEMORY: &str = "memory";

/// What every row is called when it is run alone.
pub fn rows() -> impl Iterator<Item = &'static str> {
    std::iter::once(MEMORY).chain(Load::ALL.map(Load::key))
}

/// Starts both servers and measures every row whose name is `wanted`.
pub async fn measure(wanted: impl Fn(&str) -> bool) -> anyhow::Result<Vec<Table>> {
    let site = Arc::new(Site::open()?);
    let mut edge = servers::edge(&site).await?;
    let mut nginx = servers::nginx(&site).await?;
    let tables = tables(&site, &edge, &nginx, wanted).await;
    edge.stop().await?;
    nginx.stop().await?;
    tables
}

async fn tables(
    site: &Arc<Site>,
    edge: &Server,
    nginx: &Server,
    wanted: impl Fn(&str) -> bool,
) -> anyhow::Result<Vec<Table>> {
    let mut tables = Vec::new();
    if wanted(MEMORY) {
        progress("the edge beside nginx: memory of idle connections");
        tables.push(memory::measure(site, edge, nginx).await?);
    }
    let loads: Vec<Load> = Load::ALL
        .into_iter()
        .filter(|load| wanted(load.key()))
        .collect();
    if loads.is_empty() {
        return Ok(tables);
    }
    let headings = [
        "load",
        "CPU µs, edge",
        "CPU µs, nginx",
        "CPU ratio",
        "middle half",
        "per second, edge",
        "per second, nginx",
        "throughput ratio",
        "aim for CPU",
    ];
    let mut table = Table::new("The edge beside nginx", &headings);
    for load in loads {
        progress(&format!("the edge beside nginx: {}", load.name()));
        table.row(compare(load, site, edge, nginx).await?);
    }
    table.note(format!(
        "{ROUNDS} rounds of {:.1} s each in turns, medians; CPU is that of the one worker's \
         process, by request, connection, body or message. Both write an access log to a file.",
        TURN.as_secs_f64()
    ));
    tables.insert(0, table);
    Ok(tables)
}

async fn compare(
    load: Load,
    site: &Arc<Site>,
    edge: &Server,
    nginx: &Server,
) -> anyhow::Result<[String; 9]> {
    for server in [edge, nginx] {
        turn(load, site, server, WARM_UP).await?;
    }
    let [mut ours, mut theirs] = [(); 2].map(|()| (Sample::default(), Sample::default()));
    let mut ratios = Sample::default();
    for round in 0..ROUNDS {
        let (our, their) = if round % 2 == 0 {
            let our = turn(load, site, edge, TURN).await?;
            (our, turn(load, site, nginx, TURN).await?)
        } else {
            let their = turn(load, site, nginx, TURN).await?;
            (turn(load, site, edge, TURN).await?, their)
        };
        for ((cpu, rate), turn) in [(&mut ours, our), (&mut theirs, their)] {
            cpu.push(turn.cpu_us);
            rate.push(turn.rate);
        }
        ratios.push(our.cpu_us / their.cpu_us);
    }
    let ratio = ours.0.median() / theirs.0.median();
    let verdict = if ratio <= load.aim() { "met" } else { "missed" };
    Ok([
        load.name().to_owned(),
        format!("{:.1}", ours.0.median()),
        format!("{:.1}", theirs.0.median()),
        format!("{ratio:.2}"),
        ratios.spread(),
        format!("{:.1}", ours.1.median()),
        format!("{:.1}", theirs.1.median()),
        format!("{:.2}", ours.1.median() / theirs.1.median()),
        format!("≤ {}: {verdict}", load.aim()),
    ])
}

/// Connects, and then puts `load` on one server for `length`.
#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
async fn turn(
    load: Load,
    site: &Arc<Site>,
    server: &Server,
    length: Duration,
) -> anyhow::Result<Turn> {
    let sessions = load::open(load, site, server.address).await?;
    let (began, cpu_before) = (Instant::now(), process::cpu(server.pid)?);
    let units = load::run(load, sessions, began + length).await?;
    let (took, cpu_after) = (began.elapsed(), process::cpu(server.pid)?);
    let cpu = cpu_after.saturating_sub(cpu_before);
    Ok(Turn {
        cpu_us: cpu.as_secs_f64() * 1e6 / units as f64,
        rate: units as f64 / took.as_secs_f64(),
    })
}
