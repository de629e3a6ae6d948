//! How often certificates are ordered: rules without a clock of their own.
//!
//! Whoever may make tunnels can cause orders, and a server that is asked too much refuses all.

use std::{
    collections::{HashMap, VecDeque, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    time::{Duration, Instant, SystemTime},
};

const HOUR: Duration = Duration::from_hours(1);
/// The longest pause between two orders for a host that fail.
const PAUSE_MAX: Duration = Duration::from_hours(12);
/// Of the orders in an hour, one in so many is left to renewals.
const RENEWALS_SHARE: usize = 4;
/// Certificates are renewed when this part of their life is left…
const RENEWED_AT: u32 = 3;
/// …or up to this part of it earlier, so that what was ordered together isn't renewed together.
const RENEWED_EARLIER: u32 = 30;

/// What an order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A host that has no certificate.
    First,
    /// A host whose certificate will end.
    Renewal,
}

/// Why an order may not begin now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The last order for the host failed not long ago.
    Paused,
    /// There were too many orders within an hour.
    HourIsFull,
}

/// The orders of the last hour, and the hosts whose orders failed.
#[derive(Debug)]
pub struct Rates {
    per_hour: usize,
    retry: Duration,
    begun: VecDeque<Instant>,
    failed: HashMap<String, Failed>,
}

#[derive(Debug)]
struct Failed {
    pause: Duration,
    until: Instant,
}

impl Rates {
    /// At most `per_hour` orders in any hour, and none for a host within `retry` of its failure.
    pub fn new(per_hour: usize, retry: Duration) -> Self {
        Self {
            per_hour,
            retry,
            begun: VecDeque::new(),
            failed: HashMap::new(),
        }
    }

    /// Counts an order that begins, or says why it may not.
    pub fn begin(&mut self, host: &str, purpose: Purpose, now: Instant) -> Result<(), Refusal> {
        if self.paused_until(host).is_some_and(|until| until > now) {
            return Err(Refusal::Paused);
        }
        while self
            .begun
            .front()
            .is_some_and(|at| now.duration_since(*at) >= HOUR)
        {
            self.begun.pop_front();
        }
        let reserved = match purpose {
            Purpose::First => self.per_hour / RENEWALS_SHARE,
            Purpose::Renewal => 0,
        };
        if self.begun.len() + reserved >= self.per_hour {
            return Err(Refusal::HourIsFull);
        }
        self.begun.push_back(now);
        Ok(())
    }

    /// Notes a failure, and returns how long the host is left alone.
    pub fn failed(&mut self, host: &str, now: Instant) -> Duration {
        // Who wasn't tried again for so long begins anew; so this map has a bound, too.
        self.failed.retain(|_, it| it.until + PAUSE_MAX > now);
        let before = self.failed.get(host).map(|it| it.pause);
        let pause = before
            .map_or(self.retry, |pause| pause.saturating_mul(2))
            .min(PAUSE_MAX);
        let until = now + pause;
        self.failed.insert(host.to_owned(), Failed { pause, until });
        pause
    }

    /// Notes that an order was fulfilled.
    pub fn succeeded(&mut self, host: &str) {
        self.failed.remove(host);
    }

    /// Until when a host whose order failed is left alone.
    pub fn paused_until(&self, host: &str) -> Option<Instant> {
        self.failed.get(host).map(|it| it.until)
    }
}

/// When the certificate for `host` is to be renewed: when a third of its life is left, or a little
/// earlier. The same certificate always has the same time.
pub fn renewal(host: &str, not_before: SystemTime, not_after: SystemTime) -> SystemTime {
    let life = not_after.duration_since(not_before).unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    (host, not_after).hash(&mut hasher);
    let [part, ..] = hasher.finish().to_be_bytes();
    let earlier = life / RENEWED_EARLIER * u32::from(part) / u32::from(u8::MAX);
    not_after - life / RENEWED_AT - earlier
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_host_that_fails_is_left_alone_ever_longer() {
        let mut rates = Rates::new(100, MINUTE);
        let mut now = Instant::now();
        for wanted in [1, 2, 4, 8] {
            assert_eq!(rates.begin("a", Purpose::First, now), Ok(()));
            assert_eq!(rates.failed("a", now), wanted * MINUTE);
            let just_before = now + Duration::from_secs(u64::from(wanted) * 60 - 1);
            now += wanted * MINUTE;
            for purpose in [Purpose::First, Purpose::Renewal] {
                assert_eq!(rates.begin("a", purpose, just_before), Err(Refusal::Paused));
            }
            assert_eq!(rates.begin("b", Purpose::First, just_before), Ok(()));
        }
        for _ in 0..20 {
            assert!(rates.failed("a", now) <= PAUSE_MAX);
        }
        rates.succeeded("a");
        assert_eq!(rates.begin("a", Purpose::First, now), Ok(()));
        assert_eq!(rates.failed("a", now), MINUTE);
    }

    #[test]
    fn new_hosts_leave_room_for_renewals() {
        let mut rates = Rates::new(4, MINUTE);
        let now = Instant::now();
        for host in ["a", "b", "c"] {
            assert_eq!(rates.begin(host, Purpose::First, now), Ok(()));
        }
        assert_eq!(
            rates.begin("d", Purpose::First, now),
            Err(Refusal::HourIsFull)
        );
        assert_eq!(rates.begin("a", Purpose::Renewal, now), Ok(()));
        assert_eq!(
            rates.begin("b", Purpose::Renewal, now),
            Err(Refusal::HourIsFull)
        );
        assert_eq!(rates.begin("d", Purpose::First, now + HOUR), Ok(()));
    }

    #[test]
    fn one_order_an_hour_is_a_possible_bound() {
        let mut rates = Rates::new(1, MINUTE);
        assert_eq!(rates.begin("a", Purpose::First, Instant::now()), Ok(()));
    }

    proptest! {
        #[test]
        fn no_hour_has_more_orders_than_allowed(
            steps in proptest::collection::vec(0..3000_u64, 1..60), per_hour in 1..8_usize,
        ) {
            let mut rates = Rates::new(per_hour, MINUTE);
            let mut now = Instant::now();
            let mut begun: Vec<Instant> = Vec::new();
            for step in steps {
                now += Duration::from_secs(step);
                if rates.begin("a", Purpose::Renewal, now).is_ok() {
                    begun.push(now);
                }
            }
            for first in &begun {
                let within = begun.iter().filter(|at| *at >= first && **at < *first + HOUR);
                prop_assert!(within.count() <= per_hour);
            }
        }

        #[test]
        fn a_certificate_is_renewed_with_a_third_of_its_life_left_and_not_much_earlier(
            host in "[a-z]{1,8}", life in 30..10_000_000_u64,
        ) {
            let begin = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
            let life = Duration::from_secs(life);
            let at = renewal(&host, begin, begin + life);
            prop_assert_eq!(at, renewal(&host, begin, begin + life));
            let left = (begin + life).duration_since(at).expect("before its end");
            prop_assert!(left >= life / 3 && left <= life / 3 + life / 30, "{:?}", left);
        }
    }
}
