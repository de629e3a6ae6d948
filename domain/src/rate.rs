//! How often something may be tried.
//!
//! A token bucket, kept as the one instant at which it will be full again (the generic cell rate
//! algorithm, ITU-T I.371 annex A): a full bucket needs no memory at all.

use std::time::Duration;

use crate::time::Timestamp;

/// How many attempts may come at once, and how long it takes until there is one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many tokens a full bucket holds; at least one.
    pub burst: u32,
    /// How long one token takes to come back.
    pub interval: Duration,
}

impl Rate {
    /// How long an empty bucket takes to be full.
    fn whole(self) -> Duration {
        self.interval * self.burst
    }
}

/// A bucket of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    full_at: Timestamp,
}

impl Bucket {
    /// A full bucket.
    pub const FULL: Self = Self {
        full_at: Timestamp::from_millis(i64::MIN),
    };

    /// The bucket with one token less, or how long it takes until there is one.
    pub fn take(self, rate: Rate, now: Timestamp) -> Result<Self, Duration> {
        let missing = self.missing(rate, now);
        let after = missing + rate.interval;
        match after.checked_sub(rate.whole()) {
            None | Some(Duration::ZERO) => Ok(Self {
                full_at: now.after(after),
            }),
            Some(wait) => Err(wait),
        }
    }

    /// The bucket with one token put back.
    #[must_use]
    pub fn put_back(self, rate: Rate) -> Self {
        Self {
            full_at: self.full_at.before(rate.interval),
        }
    }

    /// Whether nothing needs to be remembered of it.
    pub fn is_full(self, now: Timestamp) -> bool {
        self.full_at <= now
    }

    /// How long it takes until it is full. Longer than for an empty one is only possible when the
    /// clock was set back; that locks nobody out.
    fn missing(self, rate: Rate, now: Timestamp) -> Duration {
        let missing = self.full_at.since(now);
        if missing > rate.whole() {
            Duration::ZERO
        } else {
            missing
        }
    }

    /// Orders buckets by how soon they are full.
    pub fn full_at(self) -> Timestamp {
        self.full_at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(i64::try_from(ms).expect("small"))
    }

    proptest! {
        #[test]
        fn no_window_grants_more_than_a_burst_and_what_came_back(
            burst in 1..20_u32,
            interval_ms in 1..1_000_u64,
            steps in prop::collection::vec(0..2_000_u64, 1..80),
        ) {
            let rate = Rate { burst, interval: Duration::from_millis(interval_ms) };
            let (mut bucket, mut now, mut granted) = (Bucket::FULL, 1_000_000, Vec::new());
            for step in steps {
                now += step;
                if let Ok(after) = bucket.take(rate, at(now)) {
                    bucket = after;
                    granted.push(now);
                }
            }
            for (index, begin) in granted.iter().enumerate() {
                for (count, end) in granted[index..].iter().enumerate() {
                    let most = u64::from(burst) + (end - begin) / interval_ms;
                    prop_assert!((count as u64) < most);
                }
            }
        }

        #[test]
        fn who_waits_as_long_as_told_gets_a_token(
            burst in 1..20_u32,
            interval_ms in 1..1_000_u64,
        ) {
            let rate = Rate { burst, interval: Duration::from_millis(interval_ms) };
            let mut bucket = Bucket::FULL;
            let now = at(1_000_000);
            for _ in 0..burst {
                bucket = bucket.take(rate, now).expect("within the burst");
            }
            let wait = bucket.take(rate, now).expect_err("empty");
            prop_assert!(wait <= rate.interval);
            prop_assert!(bucket.take(rate, now.after(wait)).is_ok());
            prop_assert!(bucket.put_back(rate).take(rate, now).is_ok());
            let set_back = now.before(Duration::from_hours(1));
            prop_assert!(bucket.take(rate, set_back).is_ok());
        }
    }

    #[test]
    fn a_full_bucket_is_forgotten() {
        let rate = Rate {
            burst: 2,
            interval: Duration::from_millis(10),
        };
        let bucket = Bucket::FULL.take(rate, at(100)).expect("full");
        assert!(!bucket.is_full(at(109)) && bucket.is_full(at(110)));
        assert!(bucket.put_back(rate).is_full(at(100)));
    }
}
