//! How many connections into spaces there are, over all workers, and how many lead into each.
//!
//! A space has as many ports as it likes, and may leave every request unanswered; what it takes of
//! the edge that way is its own share, and others still get theirs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use spaceport_domain::id::SpaceId;

/// The connections of one edge, idle ones and WebSockets included.
///
/// Invariant: no space without a connection is kept.
#[derive(Debug)]
pub struct Shares {
    all_max: usize,
    per_space_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    spaces: HashMap<SpaceId, usize>,
}

/// A place for one connection, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    shares: Arc<Shares>,
    space: SpaceId,
}

impl Shares {
    /// Places for `all_max` connections, of which one space may have `per_space_max`.
    pub fn new(all_max: usize, per_space_max: usize) -> Arc<Self> {
        Arc::new(Self {
            all_max,
            per_space_max,
            taken: Mutex::default(),
        })
    }

    /// A place for a connection into `space`, if there is one, and it hasn't its share.
    pub(super) fn take(self: &Arc<Self>, space: SpaceId) -> Option<Share> {
        let mut taken = self.lock();
        let own = taken.spaces.get(&space).copied().unwrap_or_default();
        if taken.all >= self.all_max || own >= self.per_space_max {
            return None;
        }
        taken.all += 1;
        taken.spaces.insert(space, own + 1);
        drop(taken);
        Some(Share {
            shares: Arc::clone(self),
            space,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.lock();
        taken.all -= 1;
        if let Some(own) = taken.spaces.get_mut(&self.space) {
            *own -= 1;
            if *own == 0 {
                taken.spaces.remove(&self.space);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_space_has_its_share_and_all_have_no_more_than_there_is() {
        let shares = Shares::new(5, 2);
        let spaces = [1, 2, 3].map(|it| SpaceId::new(Uuid::from_u128(it)));
        let takes = |space| std::iter::from_fn(|| shares.take(space)).collect::<Vec<_>>();
        let held = spaces.map(takes);
        assert_eq!(held.each_ref().map(Vec::len), [2, 2, 1]);
        let [first, second, third] = held;
        drop(first);
        assert_eq!(takes(spaces[2]).len(), 1, "it has one already");
        drop((second, third));
        assert_eq!(takes(spaces[0]).len(), 2);
        let taken = shares.lock();
        assert!(taken.all == 0 && taken.spaces.is_empty());
    }
}
