//! What the API knows of a client's connection: that it has a place, and whether it is in use.

use std::{
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::body::{Body, Bytes, HttpBody};

/// How many connections each address has, and may have.
#[derive(Debug)]
pub(super) struct Places(Mutex<spaceport_domain::places::Places>);

/// A connection's place among those of its address, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    address: IpAddr,
}

impl Places {
    pub(super) fn new(max_per_address: usize) -> Arc<Self> {
        let places = spaceport_domain::places::Places::new(max_per_address);
        Arc::new(Self(Mutex::new(places)))
    }

    /// A place, unless the address has as many as it may.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        self.lock().take(address).then(|| Place {
            places: Arc::clone(self),
            address,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, spaceport_domain::places::Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().give_back(self.address);
    }
}

/// Whether a connection is in use, and since when it isn't.
#[derive(Debug)]
pub(super) struct Usage {
    uses: AtomicUsize,
    idle_since: Mutex<Instant>,
}

/// A use of a connection: a request until its response has ended, a WebSocket until it is closed.
/// Whoever serves longer than the request lasts takes it out of the request's extensions and keeps
/// it.
#[derive(Debug)]
pub struct InUse(Arc<Usage>);

impl Usage {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            uses: AtomicUsize::new(0),
            idle_since: Mutex::new(Instant::now()),
        })
    }

    pub(super) fn begin(self: &Arc<Self>) -> InUse {
        self.uses.fetch_add(1, Ordering::Relaxed);
        InUse(Arc::clone(self))
    }

    /// Returns once the connection has not been used for `limit`.
    pub(super) async fn idle_for(&self, limit: Duration) {
        loop {
            let used = self.uses.load(Ordering::Relaxed) > 0;
            let idle = if used {
                Duration::ZERO
            } else {
                self.lock().elapsed()
            };
            match limit.checked_sub(idle) {
                None | Some(Duration::ZERO) => return,
                Some(rest) => tokio::time::sleep(rest).await,
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.idle_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for InUse {
    fn clone(&self) -> Self {
        self.0.begin()
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        *self.0.lock() = Instant::now();
        self.0.uses.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A response's body that is a use of its connection.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    _in_use: InUse,
}

impl Answer {
    pub(super) fn new(body: Body, in_use: InUse) -> Self {
        Self {
            body,
            _in_use: in_use,
        }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back_with_its_connection() {
        let places = Places::new(1);
        let one: IpAddr = [192, 0, 2, 1].into();
        let held = places.take(one);
        assert!(held.is_some() && places.take(one).is_none());
        drop(held);
        assert!(places.lock().is_empty());
    }

    #[tokio::test]
    async fn a_connection_is_idle_when_its_last_use_has_ended() {
        let usage = Usage::new();
        let limit = Duration::from_millis(20);
        let in_use = usage.begin();
        let second = in_use.clone();
        drop(in_use);
        let idle = tokio::time::timeout(limit * 10, usage.idle_for(limit)).await;
        assert!(idle.is_err());
        drop(second);
        usage.idle_for(limit).await;
    }
}
