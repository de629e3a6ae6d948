//! `spaceport-proxy`: runs the edge until it is told to stop.

use std::{
    io::IsTerminal,
    sync::{Arc, OnceLock},
};

use anyhow::Context;
use clap::Parser;
use spaceport_proxy::{
    Edge, Settings,
    drain::Drain,
    log::Log,
    settings::{LogFormat, SettingsError},
};
use tokio::{
    runtime::{self, Runtime},
    signal::unix::{Signal, SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

/// Gives memory back after a burst, where the system's allocator keeps most of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Spaceport's edge: carries visitors into spaces. Settings come from the environment
/// (`SPACEPORT_…`) and from `spaceport.toml`.
#[derive(Parser)]
#[command(name = "spaceport-proxy", version)]
struct Options {}

fn main() -> anyhow::Result<()> {
    let Options {} = Options::parse();
    let settings = Settings::load().map_err(|error: SettingsError| anyhow::anyhow!("{error}"))?;
    let log = open_log(&settings)?;
    let ended = run(&settings, &log);
    log.flush();
    ended
}

fn run(settings: &Settings, log: &Log) -> anyhow::Result<()> {
    for key in &settings.unknown {
        tracing::warn!("SPACEPORT_{key} is no setting of the edge; is it misspelt?");
    }
    if settings.allow_loopback_upstreams {
        tracing::warn!("routes may lead to this machine's own services; only tests should do so");
    }
    let signals = runtime()?;
    let (term, int) = {
        let _context = signals.enter();
        (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        )
    };
    // Until the edge serves, a signal ends the process at once.
    let serving: Arc<OnceLock<Arc<Drain>>> = Arc::default();
    let ending = Arc::clone(&serving);
    let log = log.clone();
    signals.spawn(async move {
        let (term, int) = first(term, int).await;
        if let Some(drain) = ending.get() {
            tracing::info!("edge is stopping; open connections may end");
            drain.stop();
            // While it drains, another signal does.
            let _ = first(term, int).await;
        }
        log.flush();
        std::process::exit(1);
    });
    let edge = Edge::start(settings)?;
    let _ = serving.set(edge.drain());
    edge.wait();
    Ok(())
}

/// One thread that waits beside the main one.
fn runtime() -> std::io::Result<Runtime> {
    runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("edge-signals")
        .enable_io()
        .build()
}

/// Returns when either signal comes.
async fn first(mut term: Signal, mut int: Signal) -> (Signal, Signal) {
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    (term, int)
}

fn open_log(settings: &Settings) -> anyhow::Result<Log> {
    let filter = EnvFilter::try_new(&settings.log).context("SPACEPORT_LOG is no filter")?;
    let log = Log::start(std::io::stderr()).context("the log can't be opened")?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(log.clone());
    match settings.log_format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().init(),
    }
    Ok(log)
}
