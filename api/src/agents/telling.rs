//! How often is told how the apps of a space are: what changes again and again is told seldom, so that
//! no space fills the event log, or keeps those busy who follow it.

use std::{collections::HashMap, time::Duration};

use spaceport_domain::{
    id::SpaceId,
    rate::{Bucket, Rate},
    time::Timestamp,
};

/// As many changes of one start are told at once, as apps that come up have; of more, four a minute.
const RATE: Rate = Rate {
    burst: 8,
    interval: Duration::from_secs(15),
};

/// Of which spaces has been told lately.
#[derive(Debug, Default)]
pub(super) struct Tellings(HashMap<SpaceId, Told>);

#[derive(Clone, Copy, Debug)]
struct Told {
    /// Of which start of the space.
    instance: u32,
    bucket: Bucket,
}

impl Tellings {
    /// Whether news of this start may be told at `now`; then it counts as told. News that may not
    /// needs no memory: the agent says it again, or what is newer, until it may.
    pub(super) fn take(&mut self, space: SpaceId, instance: u32, now: Timestamp) -> bool {
        let before = self.0.get(&space).filter(|it| it.instance == instance);
        let bucket = before.map_or(Bucket::FULL, |it| it.bucket);
        let Ok(bucket) = bucket.take(RATE, now) else {
            return false;
        };
        self.0.insert(space, Told { instance, bucket });
        true
    }

    /// Forgets of whom nothing needs to be remembered.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.0.retain(|_, told| !told.bucket.is_full(now));
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn space(n: u128) -> SpaceId {
        SpaceId::new(Uuid::from_u128(n))
    }

    #[test]
    fn what_changes_again_and_again_is_told_a_few_times_a_minute() {
        let mut tellings = Tellings::default();
        let mut now = Timestamp::from_millis(0);
        let mut told = 0;
        for _second in 0..600 {
            tellings.sweep(now);
            told += u32::from(tellings.take(space(1), 1, now));
            now = now.after(Duration::from_secs(1));
        }
        assert_eq!(told, RATE.burst + 39);
        // What is there at the end is told, too, and it isn't waited for long.
        let last = now.after(RATE.interval);
        assert!(tellings.take(space(1), 1, last));
    }

    #[test]
    fn one_space_keeps_nothing_of_another_or_of_its_next_start_from_being_told() {
        let mut tellings = Tellings::default();
        let now = Timestamp::from_millis(0);
        while tellings.take(space(1), 1, now) {}
        assert!(tellings.take(space(2), 1, now));
        assert!(tellings.take(space(1), 2, now));
    }

    #[test]
    fn who_was_quiet_is_forgotten() {
        let mut tellings = Tellings::default();
        let now = Timestamp::from_millis(0);
        assert!(tellings.take(space(1), 1, now));
        tellings.sweep(now);
        assert_eq!(tellings.0.len(), 1);
        tellings.sweep(now.after(RATE.interval));
        assert!(tellings.0.is_empty());
    }
}
