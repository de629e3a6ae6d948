//! How many connections one client may have.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
};

/// How many places each network has taken, and may take.
///
/// Invariant: no network without a place is kept.
#[derive(Clone, Debug)]
pub struct Places {
    max_per_network: usize,
    taken: HashMap<IpAddr, usize>,
}

impl Places {
    /// Nothing is taken.
    pub fn new(max_per_network: usize) -> Self {
        Self {
            max_per_network,
            taken: HashMap::new(),
        }
    }

    /// Takes a place for `address`; `false`: its network has as many as it may.
    #[must_use]
    pub fn take(&mut self, address: IpAddr) -> bool {
        if self.max_per_network == 0 {
            return false;
        }
        let count = self.taken.entry(network(address)).or_default();
        let has_room = *count < self.max_per_network;
        *count += usize::from(has_room);
        has_room
    }

    /// Gives back a place that `address` has taken.
    pub fn give_back(&mut self, address: IpAddr) {
        let network = network(address);
        if let Some(count) = self.taken.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                self.taken.remove(&network);
            }
        }
    }

    /// Whether nobody has a place.
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }
}

/// What an address is counted as: whoever has one of IPv6 has the 2⁶⁴ beside it.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    #[test]
    fn an_address_has_no_more_places_than_it_may() {
        let mut places = Places::new(2);
        let one = address("192.0.2.1");
        assert!(places.take(one) && places.take(one));
        assert!(!places.take(one));
        assert!(places.take(address("192.0.2.2")));
        places.give_back(one);
        assert!(places.take(one));
        places.give_back(one);
        places.give_back(one);
        places.give_back(address("192.0.2.2"));
        assert!(places.is_empty(), "nothing is kept of who has gone");
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let mut places = Places::new(1);
        assert!(places.take(address("2001:db8::1")));
        assert!(!places.take(address("2001:db8::ffff:1")));
        assert!(places.take(address("2001:db8:0:1::1")));
        assert!(places.take(address("::ffff:192.0.2.1")));
        assert!(!places.take(address("192.0.2.1")));
    }

    #[test]
    fn who_may_have_none_leaves_nothing_behind() {
        let mut places = Places::new(0);
        assert!(!places.take(address("192.0.2.1")));
        assert!(places.is_empty());
    }
}
