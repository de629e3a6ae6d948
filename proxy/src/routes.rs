//! What the edge knows of the spaces, from the control plane and from its own disk.
//!
//! ```text
//! control plane ──▶ feed ──▶ Routes ──▶ lookups, lock-free, on every worker
//!                              │  ▲
//!                 at most once ▼  │ at start
//!                 a second    disk┘
//! ```
//!
//! Nothing here ever empties the table because the control plane is away: the last good
//! generation serves until a newer one comes.

pub mod disk;
pub mod feed;
pub mod sse;
pub mod table;
pub mod token;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::watch;

pub use table::{Destination, Endpoint, Table, Target, Via};

/// The current generation, and word of the next.
#[derive(Debug)]
pub struct Routes {
    table: ArcSwap<Table>,
    generation: watch::Sender<u64>,
    confirmed: Mutex<Option<Instant>>,
    began: Instant,
    count: AtomicU64,
}

impl Default for Routes {
    fn default() -> Self {
        Self {
            table: ArcSwap::default(),
            generation: watch::Sender::new(0),
            confirmed: Mutex::new(None),
            began: Instant::now(),
            count: AtomicU64::new(0),
        }
    }
}

impl Routes {
    /// The table as it is now.
    pub fn current(&self) -> Arc<Table> {
        self.table.load_full()
    }

    /// The table as it is now, for less than one request: it costs less than [`Self::current`].
    pub fn glance(&self) -> Guard<Arc<Table>> {
        self.table.load()
    }

    /// Whether a certificate may be made for `host`, which must have been normalised: tunnels only,
    /// running or not. Whether an app exists is nothing that a stranger is to learn, and a
    /// certificate of its own would tell.
    pub fn knows(&self, host: &str) -> bool {
        self.table.load().tunnel(host).is_some()
    }

    /// Whether `destination` is still one.
    pub fn reaches(&self, destination: &Destination) -> bool {
        self.table.load().reaches(destination)
    }

    /// Makes `table` the current one. Only one task publishes.
    pub fn publish(&self, table: Table) {
        self.table.store(Arc::new(table));
        let generation = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        self.generation.send_replace(generation);
    }

    /// Notes that the control plane has just been heard: the table is as new as now.
    pub fn confirm(&self) {
        *self
            .confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// How long ago the control plane was last heard; `None` when not since the start.
    pub fn age(&self) -> Option<Duration> {
        let confirmed = *self
            .confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        confirmed.map(|at| at.elapsed())
    }

    /// How long the control plane hasn't been heard, at most since the start.
    pub fn unheard_for(&self) -> Duration {
        self.age().unwrap_or_else(|| self.began.elapsed())
    }

    /// The number of the current generation; 0 is the empty one before the first.
    pub fn generation(&self) -> u64 {
        *self.generation.borrow()
    }

    /// Wakes at every generation.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }
}
