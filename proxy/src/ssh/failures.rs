//! How often connections from one address may end without a sign-in.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use spaceport_domain::{
    forwarding::TrustedProxies,
    places,
    rate::{Bucket, Rate},
    time::Timestamp,
};

/// Networks that are remembered. When there are more, those that have waited longest are forgotten:
/// who comes from so many places is bounded by the connections there may be at all.
const NETWORKS_MAX: usize = 16 << 10;
const MINUTE: Duration = Duration::from_mins(1);

/// What is remembered of addresses that failed.
#[derive(Debug)]
pub(super) struct Failures {
    rate: Rate,
    /// A trusted proxy is no client, and has all of theirs.
    exempt: TrustedProxies,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Failures {
    /// Allows so many a minute, and any number to `exempt`.
    pub(super) fn new(per_minute: u32, exempt: TrustedProxies) -> Self {
        Self {
            rate: Rate {
                burst: per_minute,
                interval: MINUTE / per_minute,
            },
            exempt,
            buckets: Mutex::default(),
        }
    }

    /// Whether a client at `address` may try.
    pub(super) fn allow(&self, address: IpAddr) -> bool {
        self.allow_at(address, now())
    }

    /// Notes that a connection from `address` ended without a sign-in.
    pub(super) fn note(&self, address: IpAddr) {
        self.note_at(address, now());
    }

    fn allow_at(&self, address: IpAddr, now: Timestamp) -> bool {
        let bucket = self.lock().get(&places::network(address)).copied();
        bucket.is_none_or(|bucket| bucket.take(self.rate, now).is_ok())
    }

    fn note_at(&self, address: IpAddr, now: Timestamp) {
        if self.exempt.include(address) {
            return;
        }
        let mut buckets = self.lock();
        let network = places::network(address);
        let bucket = buckets.get(&network).copied().unwrap_or(Bucket::FULL);
        if let Ok(taken) = bucket.take(self.rate, now) {
            buckets.insert(network, taken);
        }
        if buckets.len() > NETWORKS_MAX {
            forget(&mut buckets, now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what needs no memory, and else the half that has waited longest.
fn forget(buckets: &mut HashMap<IpAddr, Bucket>, now: Timestamp) {
    buckets.retain(|_, bucket| !bucket.is_full(now));
    if buckets.len() > NETWORKS_MAX / 2 {
        let mut ends: Vec<_> = buckets.values().map(|it| it.full_at()).collect();
        let middle = ends.len() / 2;
        let (_, median, _) = ends.select_nth_unstable(middle);
        let median = *median;
        buckets.retain(|_, bucket| bucket.full_at() > median);
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.map_or(0, |it| i64::try_from(it.as_millis()).unwrap_or(i64::MAX));
    Timestamp::from_millis(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn who_fails_too_often_waits_and_others_dont() {
        let proxy = IpAddr::from([192, 0, 2, 9]);
        let failures = Failures::new(3, "192.0.2.9".parse().expect("an address"));
        let [guesser, other] = [1, 2].map(|it| IpAddr::from([192, 0, 2, it]));
        for _ in 0..3 {
            assert!(failures.allow_at(guesser, at(0)));
            failures.note_at(guesser, at(0));
            failures.note_at(proxy, at(0));
        }
        assert!(!failures.allow_at(guesser, at(1)));
        assert!(failures.allow_at(other, at(1)) && failures.allow_at(proxy, at(1)));
        assert!(failures.allow_at(guesser, at(21)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let failures = Failures::new(1, TrustedProxies::default());
        for number in 0..=u32::try_from(NETWORKS_MAX).expect("few") {
            failures.note_at(IpAddr::from(number.to_be_bytes()), at(i64::from(number)));
        }
        assert!(failures.lock().len() <= NETWORKS_MAX);
        let last = u32::try_from(NETWORKS_MAX).expect("few");
        let newest = IpAddr::from(last.to_be_bytes());
        assert!(!failures.allow_at(newest, at(i64::from(last))));
    }
}
