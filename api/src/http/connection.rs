//! What the API knows of a client's connection: that it has a place, and whether it is in use.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
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
pub(super) struct Places {
    max_per_address: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection's place among those of its address, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    address: IpAddr,
}

impl Places {
    pub(super) fn new(max_per_address: usize) -> Arc<Self> {
        Arc::new(Self {
            max_per_address,
            taken: Mutex::default(),
        })
    }

    /// A place, unless the address has as many as it may.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = neighbourhood(address);
        let mut taken = self.lock();
        let count = taken.entry(address).or_default();
        if *count >= self.max_per_address {
            return None;
        }
        *count += 1;
        Some(Place {
            places: Arc::clone(self),
            address,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

/// Whoever has one address of IPv6 has the 2⁶⁴ beside it.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
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
    fn an_address_has_no_more_places_than_it_may() {
        let places = Places::new(2);
        let one: IpAddr = [192, 0, 2, 1].into();
        let first = places.take(one);
        let second = places.take(one);
        assert!(first.is_some() && second.is_some());
        assert!(places.take(one).is_none());
        assert!(places.take([192, 0, 2, 2].into()).is_some());
        drop(first);
        assert!(places.take(one).is_some());
        drop(second);
        assert!(places.lock().is_empty(), "nothing is kept of who has gone");
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let places = Places::new(1);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let held = places.take(address("2001:db8::1"));
        assert!(held.is_some());
        assert!(places.take(address("2001:db8::ffff:1")).is_none());
        assert!(places.take(address("2001:db8:0:1::1")).is_some());
        let mapped = places.take(address("::ffff:192.0.2.1"));
        assert!(mapped.is_some());
        assert!(places.take(address("192.0.2.1")).is_none());
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
