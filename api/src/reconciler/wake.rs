//! The reconciler's bell: something may have to be done. A wake-up carries no fact: it can be
//! repeated, merged and, but for the delay until the next tick, lost without harm.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use spaceport_domain::id::SpaceId;
use tokio::sync::Notify;

/// What is to be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Work {
    /// Look at every space.
    pub(super) all: bool,
    /// Look at these.
    pub(super) spaces: HashSet<SpaceId>,
}

/// Both ends of the bell. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Wake {
    work: Arc<Mutex<Work>>,
    bell: Arc<Notify>,
}

impl Wake {
    /// This space may need something done.
    pub(super) fn space(&self, id: SpaceId) {
        self.change(|work| {
            work.spaces.insert(id);
        });
    }

    /// Any space may need something done.
    pub(super) fn all(&self) {
        self.change(|work| work.all = true);
    }

    fn change(&self, f: impl FnOnce(&mut Work)) {
        f(&mut self.work.lock().unwrap_or_else(PoisonError::into_inner));
        self.bell.notify_one();
    }

    /// Waits until there is something to look at, and takes it.
    pub(super) async fn next(&self) -> Work {
        loop {
            let work =
                std::mem::take(&mut *self.work.lock().unwrap_or_else(PoisonError::into_inner));
            if work != Work::default() {
                return work;
            }
            self.bell.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn wake_ups_before_the_wait_are_merged_and_kept() {
        let (wake, id) = (Wake::default(), SpaceId::new(Uuid::from_u128(1)));
        wake.space(id);
        wake.space(id);
        wake.all();
        assert_eq!(
            wake.next().await,
            Work {
                all: true,
                spaces: HashSet::from([id])
            }
        );
        let waiting = tokio::spawn({
            let wake = wake.clone();
            async move { wake.next().await }
        });
        wake.space(id);
        assert!(!waiting.await.expect("ends").all);
    }
}
