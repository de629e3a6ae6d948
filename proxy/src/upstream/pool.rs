//! Idle connections, by destination, and how many are open.
//!
//! The lock is one worker's own and held for lookups only, never over IO or an await.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hyper::client::conn::http1::SendRequest;

use super::shares::{Share, Shares};
use crate::{http::body::Upload, routes::Destination, settings::limits::UpstreamLimits};

/// The connections of one worker.
#[derive(Debug)]
pub(super) struct Pool {
    limits: UpstreamLimits,
    shares: Arc<Shares>,
    places: Mutex<HashMap<Destination, Place>>,
}

#[derive(Debug, Default)]
struct Place {
    idle: Vec<Idle>,
    open: Arc<AtomicUsize>,
}

/// A connection between two requests.
#[derive(Debug)]
pub(super) struct Idle {
    pub(super) sender: SendRequest<Upload>,
    pub(super) slot: Slot,
    pub(super) since: Instant,
}

/// Counts one open connection until the last copy of it is gone.
#[derive(Clone, Debug)]
pub struct Slot {
    _counted: Arc<Counted>,
}

#[derive(Debug)]
struct Counted {
    open: Arc<AtomicUsize>,
    _share: Share,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pool {
    /// No connections yet.
    pub(super) fn new(limits: UpstreamLimits, shares: Arc<Shares>) -> Self {
        Self {
            limits,
            shares,
            places: Mutex::default(),
        }
    }

    /// The connection to `destination` that was used last: it is the least likely to be dead. One
    /// that has been idle for `idle_max` is none.
    ///
    /// One that isn't ready may still be reading the end of its last response; it stays.
    pub(super) fn reuse(&self, destination: &Destination, idle_max: Duration) -> Option<Idle> {
        let mut places = self.lock();
        let idle = &mut places.get_mut(destination)?.idle;
        idle.retain(|it| !it.sender.is_closed());
        let ready = idle.iter().rposition(|it| it.sender.is_ready())?;
        let is_young = idle[ready].since.elapsed() < idle_max;
        is_young.then(|| idle.remove(ready))
    }

    /// The right to open one more connection to `destination`.
    pub(super) fn slot(&self, destination: Destination) -> Option<Slot> {
        let share = self.shares.take(destination.space)?;
        let mut places = self.lock();
        let open = &places.entry(destination).or_default().open;
        if open.fetch_add(1, Ordering::Relaxed) < self.limits.connections {
            let counted = Counted {
                open: Arc::clone(open),
                _share: share,
            };
            return Some(Slot {
                _counted: Arc::new(counted),
            });
        }
        open.fetch_sub(1, Ordering::Relaxed);
        None
    }

    /// Keeps a connection; the oldest one makes room.
    pub(super) fn keep(&self, destination: &Destination, connection: Idle) {
        let mut places = self.lock();
        let Some(place) = places.get_mut(destination) else {
            return;
        };
        let oldest =
            (place.idle.len() >= self.limits.idle_connections).then(|| place.idle.remove(0));
        place.idle.push(connection);
        drop(places);
        drop(oldest);
    }

    /// Closes what is older than it may be, or leads to what `reaches` says is gone.
    pub(super) fn sweep(&self, now: Instant, reaches: impl Fn(&Destination) -> bool) {
        let mut closed: Vec<Vec<Idle>> = Vec::new();
        self.lock().retain(|destination, place| {
            let reached = reaches(destination);
            let (keep, close) = std::mem::take(&mut place.idle).into_iter().partition(|it| {
                let young = now.saturating_duration_since(it.since) < self.limits.idle;
                reached && young && !it.sender.is_closed()
            });
            place.idle = keep;
            closed.push(close);
            // A slot that is given later must count together with those that are out.
            !place.idle.is_empty() || Arc::strong_count(&place.open) > 1
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Destination, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use spaceport_domain::id::SpaceId;

    use super::*;
    use crate::routes::Endpoint;

    #[test]
    fn open_connections_are_counted_and_bounded() {
        let destination = Destination {
            space: SpaceId::new(uuid::Uuid::nil()),
            address: IpAddr::from([172, 17, 0, 2]),
            endpoint: Endpoint::Port(80),
        };
        let limits = UpstreamLimits {
            all: 9,
            per_space: None,
            connections: 3,
            idle_connections: 1,
            idle: Duration::from_secs(1),
            fresh: Duration::from_secs(1),
        };
        let pool = Pool::new(limits, Shares::new(9, 9));
        let mut slots: Vec<_> = std::iter::from_fn(|| pool.slot(destination)).collect();
        assert_eq!(slots.len(), 3);
        assert!(pool.slot(destination).is_none());
        slots.pop();
        pool.sweep(Instant::now(), |_| false);
        slots.push(pool.slot(destination).expect("one is free"));
        assert!(pool.slot(destination).is_none());
        drop(slots);
        pool.sweep(Instant::now(), |_| true);
        assert!(pool.lock().is_empty());
    }
}
