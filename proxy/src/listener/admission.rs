//! Who is let in: how many connections there are, in all and from one address, and how many of
//! them may shake hands at once.
//!
//! A worker takes a connection from the kernel only when there is a [`Seat`] for it; behind that,
//! newcomers wait. An address that has its share is turned away instead, before anything is spent
//! on it: who fills the house must not keep others waiting. A trusted proxy is no visitor, but brings
//! many: it has no share.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use spaceport_domain::{forwarding::TrustedProxies, places::Places};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One address may have so many parts of all handshakes under way.
const HANDSHAKE_SHARE: usize = 4;

/// The places of one edge, for all of its workers.
#[derive(Debug)]
pub struct Admission {
    room: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
    open: Mutex<Places>,
    shaking: Mutex<Places>,
    trusted_proxies: TrustedProxies,
}

/// Room for one connection that shakes hands, whoever comes.
#[derive(Debug)]
pub struct Seat {
    room: OwnedSemaphorePermit,
    handshake: OwnedSemaphorePermit,
}

/// A connection's place, given back when it is dropped.
#[derive(Debug)]
pub struct Admitted {
    _room: OwnedSemaphorePermit,
    admission: Arc<Admission>,
    /// Whose share it is a part of; nobody's when a trusted proxy has it.
    address: Option<IpAddr>,
}

/// A handshake's place, given back when it is dropped.
#[derive(Debug)]
pub struct Handshake {
    _permit: OwnedSemaphorePermit,
    admission: Arc<Admission>,
    /// Whose share it is a part of; nobody's when a trusted proxy has it.
    address: Option<IpAddr>,
}

impl Admission {
    /// Places for `connections` in all, for `per_address` from one that is none of
    /// `trusted_proxies`, and for `handshakes` at once.
    pub fn new(
        connections: usize,
        per_address: usize,
        handshakes: usize,
        trusted_proxies: TrustedProxies,
    ) -> Arc<Self> {
        let semaphore =
            |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self {
            room: semaphore(connections),
            handshakes: semaphore(handshakes),
            open: Mutex::new(Places::new(per_address)),
            shaking: Mutex::new(Places::new(handshakes.div_ceil(HANDSHAKE_SHARE))),
            trusted_proxies,
        })
    }

    /// Waits for room. `None` never comes, as nothing closes the semaphores.
    pub async fn seat(&self) -> Option<Seat> {
        let room = Arc::clone(&self.room).acquire_owned().await.ok()?;
        let handshake = Arc::clone(&self.handshakes).acquire_owned().await.ok()?;
        Some(Seat { room, handshake })
    }

    /// Room, if there is some.
    pub fn free_seat(&self) -> Option<Seat> {
        Some(Seat {
            room: Arc::clone(&self.room).try_acquire_owned().ok()?,
            handshake: Arc::clone(&self.handshakes).try_acquire_owned().ok()?,
        })
    }

    /// Lets a client at `address` in, unless it has its share.
    pub fn admit(self: &Arc<Self>, seat: Seat, address: IpAddr) -> Option<(Admitted, Handshake)> {
        let address = (!self.trusted_proxies.include(address)).then_some(address);
        let take = |places| address.is_none_or(|address| locked(places).take(address));
        if !take(&self.open) {
            return None;
        }
        let admitted = Admitted {
            _room: seat.room,
            admission: Arc::clone(self),
            address,
        };
        if !take(&self.shaking) {
            return None;
        }
        let handshake = Handshake {
            _permit: seat.handshake,
            admission: Arc::clone(self),
            address,
        };
        Some((admitted, handshake))
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some(address) = self.address {
            locked(&self.admission.open).give_back(address);
        }
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        if let Some(address) = self.address {
            locked(&self.admission.shaking).give_back(address);
        }
    }
}

fn locked(places: &Mutex<Places>) -> MutexGuard<'_, Places> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_has_its_share_is_turned_away_and_others_are_let_in() {
        let admission = Admission::new(8, 2, 8, TrustedProxies::default());
        let [one, other]: [IpAddr; 2] = [[192, 0, 2, 1].into(), [192, 0, 2, 2].into()];
        let admit = |address| admission.admit(admission.free_seat()?, address);
        let first = admit(one);
        let second = admit(one);
        assert!(first.is_some() && second.is_some());
        assert!(admit(one).is_none());
        assert!(admit(other).is_some());
        drop(first);
        assert!(admit(one).is_some());
    }

    #[test]
    fn handshakes_of_one_address_leave_room_for_others() {
        let admission = Admission::new(100, 100, 8, TrustedProxies::default());
        let [one, other]: [IpAddr; 2] = [[192, 0, 2, 1].into(), [192, 0, 2, 2].into()];
        let admit = |address| admission.admit(admission.free_seat()?, address);
        let mut shaking: Vec<_> = std::iter::from_fn(|| admit(one)).collect();
        assert_eq!(shaking.len(), 2);
        assert!(admit(other).is_some());
        let open: Vec<_> = shaking.drain(..).map(|(open, _)| open).collect();
        assert!(
            admit(one).is_some(),
            "who has shaken hands is not in the way"
        );
        drop(open);
    }

    #[test]
    fn a_trusted_proxy_has_no_share_and_takes_nobodys() {
        let proxies = "192.0.2.1".parse().expect("an address");
        let admission = Admission::new(100, 2, 8, proxies);
        let admit = |address| admission.admit(admission.free_seat()?, address);
        let proxy = || admit([192, 0, 2, 1].into());
        let held: Vec<_> = std::iter::from_fn(proxy).collect();
        assert_eq!(held.len(), 8, "as many as may shake hands at all");
        drop(held);
        assert!(admit([192, 0, 2, 2].into()).is_some());
    }

    #[test]
    fn nobody_is_let_in_beyond_the_room() {
        let admission = Admission::new(2, 2, 9, TrustedProxies::default());
        let address = [192, 0, 2, 1].into();
        let first = admission.admit(admission.free_seat().expect("room"), address);
        let second = admission.free_seat();
        assert!(first.is_some() && second.is_some());
        assert!(admission.free_seat().is_none());
        drop(first);
        assert!(admission.free_seat().is_some());
    }
}
