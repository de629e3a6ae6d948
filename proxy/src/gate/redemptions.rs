//! Room for those who come back with a one-time code: each costs the API a question, and anybody can
//! make codes up.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use spaceport_domain::places::Places;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};

/// Codes being redeemed at once.
const AT_ONCE_MAX: usize = 64;
/// Those of one address, or of one /64 network of IPv6, the waiting ones included.
const PER_ADDRESS_MAX: usize = 8;
/// How long one waits for room.
const WAIT: Duration = Duration::from_secs(2);

/// Who redeems a code now, and who waits.
#[derive(Debug)]
pub(super) struct Redemptions {
    room: Arc<Semaphore>,
    places: Arc<Mutex<Places>>,
}

/// The right to redeem one code; it is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    client: IpAddr,
    places: Arc<Mutex<Places>>,
    /// Held, not looked at.
    room: Option<OwnedSemaphorePermit>,
}

impl Default for Redemptions {
    fn default() -> Self {
        Self {
            room: Arc::new(Semaphore::new(AT_ONCE_MAX)),
            places: Arc::new(Mutex::new(Places::new(PER_ADDRESS_MAX))),
        }
    }
}

impl Redemptions {
    /// A turn for `client`; `None`: they have as many as they may, or there was no room in time.
    pub(super) async fn turn(&self, client: IpAddr) -> Option<Turn> {
        if !lock(&self.places).take(client) {
            return None;
        }
        let mut turn = Turn {
            client,
            places: Arc::clone(&self.places),
            room: None,
        };
        let room = Arc::clone(&self.room).acquire_owned();
        turn.room = time::timeout(WAIT, room).await.ok()?.ok();
        turn.room.is_some().then_some(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.places).give_back(self.client);
    }
}

fn lock(places: &Mutex<Places>) -> MutexGuard<'_, Places> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_address_leaves_room_to_the_others() {
        let redemptions = Redemptions::default();
        let [greedy, other] = [1, 2].map(|it| IpAddr::from([192, 0, 2, it]));
        let mut turns = Vec::new();
        for _ in 0..PER_ADDRESS_MAX {
            turns.push(redemptions.turn(greedy).await.expect("a turn"));
        }
        assert!(redemptions.turn(greedy).await.is_none());
        assert!(redemptions.turn(other).await.is_some());
        turns.pop();
        assert!(redemptions.turn(greedy).await.is_some());
    }

    #[tokio::test]
    async fn who_finds_no_room_in_time_gives_their_place_back() {
        let redemptions = Redemptions::default();
        let count = u32::try_from(AT_ONCE_MAX).expect("few");
        let all = Arc::clone(&redemptions.room).acquire_many_owned(count);
        let all = all.await.expect("open");
        let client = IpAddr::from([192, 0, 2, 1]);
        assert!(redemptions.turn(client).await.is_none());
        assert!(lock(&redemptions.places).is_empty());
        drop(all);
        assert!(redemptions.turn(client).await.is_some());
    }
}
