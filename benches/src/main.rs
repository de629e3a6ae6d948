//! `make bench`: Spaceport beside the floor it stands on, in one run.
//!
//! Every figure that depends on the machine stands next to a peer measured in the same rounds, so
//! that the ratio means something on shared cores. `README.md` says what each row means. The
//! program fails only where something doesn't work or a promise without a clock is broken.
//! Its arguments name the parts to run, `edge`, `space` or `api`, or single rows of the first two,
//! such as `edge/http2` or `space/ssh`; without any it runs all parts.

use anyhow::{Context, bail, ensure};
use tokio::signal::unix::{SignalKind, signal};

mod client;
mod docker;
mod edge;
mod installation;
mod latency;
mod memory;
mod population;
mod process;
mod report;
mod space;
mod start;
mod statements;
mod subscribers;

use installation::Installation;
use space::Kind;

/// The parts.
const EDGE: &str = "edge";
const SPACE: &str = "space";
const API: &str = "api";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // `reqwest` needs one to be chosen, although only plain HTTP is spoken.
    let _ = rustls::crypto::ring::default_provider().install_default();
    raise_file_limit()?;
    let parts: Vec<String> = std::env::args().skip(1).collect();
    let rows = edge::rows().map(|row| format!("{EDGE}/{row}"));
    let kinds = Kind::ALL.map(|kind| format!("{SPACE}/{}", kind.key()));
    let names: Vec<String> = rows.chain(kinds).collect();
    let known = |it: &String| [EDGE, SPACE, API].contains(&it.as_str()) || names.contains(it);
    if let Some(unknown) = parts.iter().find(|it| !known(it)) {
        bail!(
            "there is no part {unknown}; there are {EDGE}, {SPACE}, {API}, {}",
            names.join(", ")
        );
    }
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|it| it == part);
    let wants_row = |row: &str| wanted(EDGE) || wanted(&format!("{EDGE}/{row}"));
    if edge::rows().any(wants_row) {
        let tables = tokio::select! {
            tables = edge::measure(wants_row) => tables?,
            interrupted = interruption() => return interrupted,
        };
        for table in tables {
            print!("{table}");
        }
    }
    let wants_kind = |kind: Kind| wanted(SPACE) || wanted(&format!("{SPACE}/{}", kind.key()));
    if Kind::ALL.into_iter().any(wants_kind) {
        let measuring =
            async |installation: &Installation| space::measure(installation, wants_kind).await;
        for table in with_installation(measuring).await? {
            print!("{table}");
        }
    }
    if wanted(API) {
        let are_constant = with_installation(measure).await?;
        ensure!(
            are_constant,
            "the number of SQL statements depends on the length of a list"
        );
    }
    Ok(())
}

/// Measures something with an installation of its own, of which nothing is left afterwards.
async fn with_installation<T>(
    measure: impl AsyncFnOnce(&Installation) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let docker = docker::connect()
        .await
        .context("no Docker Engine answers")?;
    let mut installation = Installation::start(docker).await?;
    let measured = tokio::select! {
        measured = measure(&installation) => measured,
        interrupted = interruption() => interrupted,
    };
    let closed = installation.close().await;
    let measured = measured?;
    closed.context("something is left over; dev/sweep removes it")?;
    Ok(measured)
}

/// Measures everything; answers whether statements are independent of the length of lists.
async fn measure(installation: &Installation) -> anyhow::Result<bool> {
    let admin = installation.admin().await?;
    progress("memory: both processes after their start");
    let fresh = memory::read(installation).await?;
    progress("memory: 100 created spaces");
    population::create_spaces(&admin, memory::SPACES).await?;
    let filled = memory::read(installation).await?;
    progress("filling lists: 50 users with a group, a template, a space and a tunnel each");
    population::fill(installation, &admin).await?;
    progress("SQL statements");
    let (statements, are_constant) = statements::measure(&admin).await?;
    progress("latency and CPU of queries and mutations");
    let latency = latency::measure(installation, &admin).await?;
    progress("1,000 subscribers");
    let subscribers = subscribers::measure(installation, &admin).await?;
    progress("starting a space beside the raw engine");
    let start = start::measure(installation, &admin).await?;
    let memory = memory::table(&fresh, &filled);
    for table in [start, latency, subscribers, statements, memory] {
        print!("{table}");
    }
    Ok(are_constant)
}

/// Waits for SIGINT or SIGTERM, which end the run as an error does: with everything cleared away.
async fn interruption<T>() -> anyhow::Result<T> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        pressed = tokio::signal::ctrl_c() => pressed?,
    }
    bail!("interrupted")
}

/// As many open files as the machine allows: the connections of all visitors end here.
fn raise_file_limit() -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, limit).context("the limit of open files can't be raised")
}

fn progress(what: &str) {
    eprintln!("==> {what}");
}
