//! When credentials were last used, to about a minute.
//!
//! A write for every request would make readers wait for writers. So a use is noted only when the
//! last one that is known is [`GRAIN`] old, and what was noted is written every [`WRITE`], in one
//! batch. What is kept is never later than the last use and at most `GRAIN + WRITE` earlier; a
//! crash forgets what was noted since the last batch.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use spaceport_domain::{event::SignIn, time::Timestamp};

/// The least time between two uses that are written.
pub const GRAIN: Duration = Duration::from_mins(1);
/// How often what was noted is written.
pub const WRITE: Duration = Duration::from_secs(5);
/// How many uses are noted between two writes; more are noted when they are used again.
const NOTED_MAX: usize = 65_536;

/// What was used since it was last written, and when first.
#[derive(Debug, Default)]
pub struct LastUses(Mutex<HashMap<SignIn, Timestamp>>);

impl LastUses {
    /// Notes that `sign_in` is used `now`, unless what is `known` is new enough.
    pub fn note(&self, sign_in: SignIn, known: Option<Timestamp>, now: Timestamp) {
        if known.is_some_and(|known| now.since(known) < GRAIN) {
            return;
        }
        let mut noted = self.lock();
        if noted.len() < NOTED_MAX {
            noted.entry(sign_in).or_insert(now);
        }
    }

    /// What was noted since the last time this was asked.
    pub fn take(&self) -> HashMap<SignIn, Timestamp> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SignIn, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use spaceport_domain::id::SessionId;
    use uuid::Uuid;

    use super::*;

    fn session(n: u128) -> SignIn {
        SignIn::Session(SessionId::new(Uuid::from_u128(n)))
    }

    #[test]
    fn many_uses_are_one_write() {
        let uses = LastUses::default();
        let start = Timestamp::from_millis(1_000_000);
        for step in 0..1000 {
            let now = start.after(Duration::from_millis(step));
            uses.note(session(1), None, now);
            uses.note(session(2), Some(start), now);
        }
        assert_eq!(
            uses.take(),
            HashMap::from([(session(1), start)]),
            "never later than the last use"
        );
        assert!(uses.take().is_empty());
        uses.note(session(2), Some(start), start.after(GRAIN));
        assert_eq!(uses.take().len(), 1);
    }

    #[test]
    fn what_is_noted_is_bounded() {
        let uses = LastUses::default();
        for n in 0..NOTED_MAX as u128 + 10 {
            uses.note(session(n), None, Timestamp::from_millis(1));
        }
        assert_eq!(uses.take().len(), NOTED_MAX);
    }
}
