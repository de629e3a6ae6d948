//! What is logged, and what never is.

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, filter_fn},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::engine::docker;

/// Logs to standard error what a filter lets through; the settings have found it to be one.
pub fn start(filter: &str) {
    let wanted = EnvFilter::new(filter);
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_filter(wanted.and(filter_fn(is_fit_to_print)));
    tracing_subscriber::registry().with(layer).init();
}

/// Below INFO, the engine's client writes down whole requests and answers, and with them the
/// environment of spaces, which holds their secrets. No setting brings that back.
fn is_fit_to_print(metadata: &Metadata<'_>) -> bool {
    !metadata.target().starts_with(docker::CLIENT_LOG_TARGET) || *metadata.level() <= Level::INFO
}
