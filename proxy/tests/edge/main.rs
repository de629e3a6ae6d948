//! The edge against real sockets: spaces, a control plane and visitors on loopback.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it must be"
)]

mod agent;
mod api;
mod apps;
mod calls;
mod certificates;
mod cuts;
mod desktop;
mod editor;
mod exec;
mod extended;
mod feed;
mod files;
mod forward;
mod forwarding;
mod grpc;
mod harness;
mod hostile;
mod inside;
mod lifetime;
mod process;
mod proxies;
mod recorder;
mod slow;
mod space;
mod ssh;
mod streams;
mod takeover;
mod terminals;
mod upstreams;
mod visitor;

use std::time::Duration;

/// Waits for what must happen soon, and fails loudly when it doesn't.
async fn soon<F: IntoFuture>(future: F) -> F::Output {
    tokio::time::timeout(space::SOON, future)
        .await
        .expect("it didn't happen in time")
}

/// Asks again and again, for what no event tells. What is waited for needs the processor, too.
async fn eventually(mut is_so: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon(Box::pin(asking)).await;
}
