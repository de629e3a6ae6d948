//! Attempts to sign in, and how many there may be.
//!
//! Every attempt takes a token from up to three buckets and puts them back when the password was
//! right, so only failures count:
//!
//! - that of the address, for whoever tries many accounts,
//! - that of the account as tried from this address, for whoever tries many passwords,
//! - that of the account as tried from anywhere, for whoever has many addresses. An address from
//!   which this account was signed in to before is exempt: strangers can't lock a user out of where
//!   they work, and elsewhere only for as long as they go on.
//!
//! Kept in this process: every replica of the API counts for itself, and a restart forgets.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use spaceport_domain::{
    name::UserName,
    rate::{Bucket, Rate},
    time::Timestamp,
};

/// For one address: many people may share one.
const ADDRESS: Rate = Rate {
    burst: 100,
    interval: Duration::from_secs(1),
};
/// For one account from one address.
const ACCOUNT_FROM_ADDRESS: Rate = Rate {
    burst: 10,
    interval: Duration::from_secs(6),
};
/// For one account from all addresses together.
const ACCOUNT: Rate = Rate {
    burst: 50,
    interval: Duration::from_secs(2),
};
/// How many buckets of each kind are kept, and how many addresses that are known.
const KEPT_MAX: usize = 16_384;
/// How much of an IPv6 address counts: who has one has the network of it (RFC 6177).
const IPV6_PREFIX_BITS: u32 = 64;

/// Counts attempts.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    addresses: Buckets<IpAddr>,
    accounts_from: Buckets<(UserName, IpAddr)>,
    accounts: Buckets<UserName>,
    /// When an account was last signed in to from an address.
    known: HashMap<(UserName, IpAddr), Timestamp>,
}

/// Who tries, and from where.
#[derive(Clone, Debug)]
pub struct Attempt {
    address: IpAddr,
    /// `None` where the text given can't be the name of an account.
    account: Option<UserName>,
}

impl Attempt {
    /// An attempt to sign in as `user_name`. Where the address is not known, all count together.
    pub fn new(address: Option<IpAddr>, user_name: &str) -> Self {
        Self {
            address: network(address.unwrap_or(Ipv6Addr::UNSPECIFIED.into())),
            account: user_name.parse().ok(),
        }
    }
}

impl Attempts {
    /// Lets an attempt be made, or says after how long another may be.
    pub fn begin(&self, attempt: &Attempt, now: Timestamp) -> Result<(), Duration> {
        let mut counts = self.lock();
        let Some(account) = &attempt.account else {
            return counts.addresses.take(attempt.address, ADDRESS, now);
        };
        let pair = (account.clone(), attempt.address);
        let is_known = counts.known.contains_key(&pair);
        counts.addresses.take(attempt.address, ADDRESS, now)?;
        let rest = counts
            .accounts_from
            .take(pair.clone(), ACCOUNT_FROM_ADDRESS, now)
            .and_then(|()| {
                if is_known {
                    return Ok(());
                }
                let taken = counts.accounts.take(account.clone(), ACCOUNT, now);
                if taken.is_err() {
                    counts.accounts_from.put_back(&pair, ACCOUNT_FROM_ADDRESS);
                }
                taken
            });
        if rest.is_err() {
            counts.addresses.put_back(&attempt.address, ADDRESS);
        }
        rest
    }

    /// The attempt was right, or nothing was tried in the end: it doesn't count.
    pub fn forgive(&self, attempt: &Attempt) {
        let mut counts = self.lock();
        counts.addresses.put_back(&attempt.address, ADDRESS);
        if let Some(account) = &attempt.account {
            let pair = (account.clone(), attempt.address);
            if !counts.known.contains_key(&pair) {
                counts.accounts.put_back(account, ACCOUNT);
            }
            counts.accounts_from.put_back(&pair, ACCOUNT_FROM_ADDRESS);
        }
    }

    /// The attempt was right: it doesn't count, and its address is known from now on.
    pub fn succeed(&self, attempt: &Attempt, now: Timestamp) {
        self.forgive(attempt);
        let Some(account) = attempt.account.clone() else {
            return;
        };
        let known = &mut self.lock().known;
        if known.len() >= KEPT_MAX
            && let Some(oldest) = known.iter().min_by_key(|(_, at)| **at)
        {
            let oldest = oldest.0.clone();
            known.remove(&oldest);
        }
        known.insert((account, attempt.address), now);
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Buckets that are not full.
#[derive(Debug)]
struct Buckets<K>(HashMap<K, Bucket>);

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash + Clone> Buckets<K> {
    fn take(&mut self, key: K, rate: Rate, now: Timestamp) -> Result<(), Duration> {
        let bucket = self.0.get(&key).copied().unwrap_or(Bucket::FULL);
        let after = bucket.take(rate, now)?;
        if self.0.len() >= KEPT_MAX && !self.0.contains_key(&key) {
            self.make_room(now);
        }
        self.0.insert(key, after);
        Ok(())
    }

    fn put_back(&mut self, key: &K, rate: Rate) {
        if let Some(bucket) = self.0.get_mut(key) {
            *bucket = bucket.put_back(rate);
        }
    }

    /// Forgets what is full, or else what comes closest to it.
    fn make_room(&mut self, now: Timestamp) {
        self.0.retain(|_, bucket| !bucket.is_full(now));
        if self.0.len() < KEPT_MAX {
            return;
        }
        let fullest = self.0.iter().min_by_key(|(_, bucket)| bucket.full_at());
        if let Some(key) = fullest.map(|(key, _)| key.clone()) {
            self.0.remove(&key);
        }
    }
}

/// What of an address counts.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let mask = u128::MAX << (u128::BITS - IPV6_PREFIX_BITS);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str, user: &str) -> Attempt {
        Attempt::new(Some(address.parse().expect("an address")), user)
    }

    fn now() -> Timestamp {
        Timestamp::from_millis(1_000_000_000)
    }

    /// How many attempts are let through before one is not.
    fn granted(attempts: &Attempts, attempt: &Attempt) -> u32 {
        (0..1000)
            .take_while(|_| attempts.begin(attempt, now()).is_ok())
            .count()
            .try_into()
            .expect("at most a thousand")
    }

    #[test]
    fn an_attacker_locks_nobody_out_elsewhere() {
        let attempts = Attempts::default();
        let attacker = from("192.0.2.1", "ada");
        assert_eq!(granted(&attempts, &attacker), ACCOUNT_FROM_ADDRESS.burst);
        assert!(attempts.begin(&from("192.0.2.2", "ada"), now()).is_ok());
        assert!(attempts.begin(&from("192.0.2.1", "grace"), now()).is_ok());
        let later = now().after(ACCOUNT_FROM_ADDRESS.interval);
        assert!(attempts.begin(&attacker, later).is_ok());
    }

    #[test]
    fn many_addresses_lock_a_user_out_of_none_they_are_known_at() {
        let attempts = Attempts::default();
        let home = from("198.51.100.1", "ada");
        attempts.begin(&home, now()).expect("the first");
        attempts.succeed(&home, now());
        let sum: u32 = (0..20)
            .map(|n| granted(&attempts, &from(&format!("192.0.2.{n}"), "ada")))
            .sum();
        assert_eq!(sum, ACCOUNT.burst);
        let stranger = from("203.0.113.1", "ada");
        let wait = attempts.begin(&stranger, now()).expect_err("empty");
        assert!(wait <= ACCOUNT.interval);
        assert_eq!(granted(&attempts, &home), ACCOUNT_FROM_ADDRESS.burst);
    }

    #[test]
    fn one_address_does_not_try_every_account() {
        let attempts = Attempts::default();
        let tried: u32 = (0..50)
            .map(|n| granted(&attempts, &from("192.0.2.1", &format!("user-{n}"))))
            .sum();
        assert_eq!(tried, ADDRESS.burst);
        assert!(
            attempts
                .begin(&from("192.0.2.1", "No Name"), now())
                .is_err()
        );
        assert!(attempts.begin(&from("192.0.2.2", "user-0"), now()).is_ok());
    }

    #[test]
    fn right_passwords_do_not_count() {
        let attempts = Attempts::default();
        let attempt = from("192.0.2.1", "ada");
        for _ in 0..1000 {
            attempts.begin(&attempt, now()).expect("never too many");
            attempts.succeed(&attempt, now());
        }
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let attempts = Attempts::default();
        let one = from("2001:db8::1", "ada");
        assert_eq!(granted(&attempts, &one), ACCOUNT_FROM_ADDRESS.burst);
        assert!(attempts.begin(&from("2001:db8::2", "ada"), now()).is_err());
        assert!(
            attempts
                .begin(&from("2001:db8:0:1::1", "ada"), now())
                .is_ok()
        );
        assert_eq!(
            network("::ffff:192.0.2.1".parse().expect("an address")),
            "192.0.2.1".parse::<IpAddr>().expect("an address")
        );
    }

    #[test]
    fn memory_is_bounded_and_who_failed_most_is_remembered() {
        let mut buckets = Buckets::<u32>::default();
        for _ in 0..3 {
            buckets.take(0, ADDRESS, now()).expect("within the burst");
        }
        for key in 1..20_000 {
            buckets.take(key, ADDRESS, now()).expect("the first");
        }
        assert_eq!(buckets.0.len(), KEPT_MAX);
        assert!(buckets.0.contains_key(&0));
    }
}
