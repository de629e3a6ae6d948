//! How an edge ends: told to stop, or after a successor has taken over.
//!
//! ```text
//! serving ──hand over──▶ handed over ──stop──▶ stopping
//!    └────────────────────stop────────────────────▲
//! ```
//!
//! | | handed over | stopping |
//! |---|---|---|
//! | newcomers | are the successor's | are refused |
//! | answers by HTTP/1.1 | say that they are the connection's last | the same |
//! | connections without requests | go by their ordinary idle time | go after a moment |
//! | HTTP/2 | `GOAWAY`, streams go on | the same |
//! | the rest | goes on for `EDGE_UPGRADE_DRAIN_SECONDS` | for `EDGE_DRAIN_SECONDS` |
//! | the data directory | is the successor's | stays this edge's |
//!
//! A connection without requests isn't closed at once, because a request may be on its way that
//! nobody would answer: HTTP/1.1 has no way to say so but the answer before it (RFC 9112 §9.6).

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::time;
use tokio_util::sync::CancellationToken;

/// Whether an edge ends, and how soon.
#[derive(Debug, Default)]
pub struct Drain {
    /// The same as `begun`, for every request to look at without a lock.
    has_begun: AtomicBool,
    begun: CancellationToken,
    handed_over: CancellationToken,
    stopping: CancellationToken,
}

impl Drain {
    /// A successor serves from now on.
    pub fn hand_over(&self) {
        self.handed_over.cancel();
        self.begin();
    }

    /// The edge is to end soon.
    pub fn stop(&self) {
        self.stopping.cancel();
        self.begin();
    }

    fn begin(&self) {
        self.has_begun.store(true, Ordering::Release);
        self.begun.cancel();
    }

    /// Whether it ends, one way or the other.
    pub fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Acquire)
    }

    /// Whether a successor serves.
    pub fn is_handed_over(&self) -> bool {
        self.handed_over.is_cancelled()
    }

    /// Waits until it ends, one way or the other.
    pub async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// Waits until it is to end soon.
    pub async fn stopping(&self) {
        self.stopping.cancelled().await;
    }

    /// Waits until what is still open must be cut: `stop` after the wish to stop, and at the
    /// latest `upgrade` after now.
    pub async fn over(&self, stop: Duration, upgrade: Duration) {
        let stopped = async {
            self.stopping().await;
            time::sleep(stop).await;
        };
        tokio::select! {
            () = stopped => {}
            () = time::sleep(upgrade) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    fn wait(future: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime")
            .block_on(future);
    }

    #[test]
    fn a_stop_shortens_the_time_after_a_takeover() {
        let drain = Drain::default();
        assert!(!drain.has_begun());
        drain.hand_over();
        assert!(drain.has_begun() && drain.is_handed_over());
        drain.stop();
        wait(drain.over(Duration::ZERO, LONG));
    }

    #[test]
    fn a_takeover_gives_its_own_time() {
        let drain = Drain::default();
        drain.hand_over();
        wait(drain.over(LONG, Duration::from_millis(1)));
    }
}
