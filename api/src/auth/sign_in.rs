//! Open sign-ins in this process, so that ending one ends what runs on it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use spaceport_domain::{event::SignIn, id::UserId, time::Timestamp};
use tokio_util::sync::CancellationToken;

/// How many ended sign-ins are remembered, so that one that is being opened while it ends is
/// ended too.
const ENDED_MAX: usize = 4096;
/// How many interruptions are remembered, for the same reason.
const INTERRUPTED_MAX: usize = 4096;

/// What is open. Holding an [`Open`] keeps its entry.
#[derive(Debug, Default)]
pub struct OpenSignIns(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    open: HashMap<SignIn, Weak<Open>>,
    ended: VecDeque<SignIn>,
    /// The newest interruptions, in order; the last has the number `interruptions`.
    interrupted: VecDeque<UserId>,
    interruptions: u64,
}

/// A moment before the rights of somebody who calls are read.
#[derive(Clone, Copy, Debug)]
pub struct Moment(u64);

impl Known {
    /// Whether what was read of `user_id` since `moment` may be of before an interruption.
    fn is_outdated(&self, user_id: UserId, moment: Moment) -> bool {
        let since = usize::try_from(self.interruptions - moment.0).unwrap_or(usize::MAX);
        let forgotten = since > self.interrupted.len();
        forgotten
            || self
                .interrupted
                .iter()
                .rev()
                .take(since)
                .any(|it| *it == user_id)
    }
}

/// One open sign-in.
#[derive(Debug)]
pub struct Open {
    user_id: UserId,
    expires_at: Option<Timestamp>,
    ended: CancellationToken,
}

impl Open {
    /// Cancelled when the sign-in ends.
    pub fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }
}

impl OpenSignIns {
    /// The present moment, to be taken before reading what [`Self::open`] is called with.
    pub fn moment(&self) -> Moment {
        Moment(self.lock().interruptions)
    }

    /// The entry of `sign_in`, made when there is none. It has ended already when the sign-in has,
    /// or when the user was interrupted since `read_after`: the rights that were read may be those
    /// of before.
    pub fn open(
        &self,
        user_id: UserId,
        sign_in: SignIn,
        expires_at: Option<Timestamp>,
        read_after: Moment,
    ) -> Arc<Open> {
        let mut known = self.lock();
        let is_outdated = known.is_outdated(user_id, read_after);
        if !is_outdated && let Some(open) = known.open.get(&sign_in).and_then(Weak::upgrade) {
            return open;
        }
        let new = Arc::new(Open {
            user_id,
            expires_at,
            ended: CancellationToken::new(),
        });
        if is_outdated || known.ended.contains(&sign_in) {
            new.ended.cancel();
        } else {
            known.open.insert(sign_in, Arc::downgrade(&new));
        }
        new
    }

    /// Ends what runs on `sign_in`.
    pub fn end(&self, sign_in: SignIn) {
        let mut known = self.lock();
        known.ended.push_back(sign_in);
        if known.ended.len() > ENDED_MAX {
            known.ended.pop_front();
        }
        if let Some(open) = known
            .open
            .remove(&sign_in)
            .and_then(|entry| entry.upgrade())
        {
            open.ended.cancel();
        }
    }

    /// Ends what runs on any sign-in of `user_id`, whose sign-ins themselves go on: clients come
    /// back, and get what the user may do now.
    pub fn interrupt(&self, user_id: UserId) {
        let mut known = self.lock();
        known.interruptions += 1;
        known.interrupted.push_back(user_id);
        if known.interrupted.len() > INTERRUPTED_MAX {
            known.interrupted.pop_front();
        }
        known.open.retain(|_, entry| {
            let Some(entry) = entry.upgrade() else {
                return false;
            };
            let concerned = entry.user_id == user_id;
            if concerned {
                entry.ended.cancel();
            }
            !concerned
        });
    }

    /// Ends what has expired and forgets what nobody holds.
    pub fn sweep(&self, now: Timestamp) {
        self.lock().open.retain(|_, entry| {
            let Some(entry) = entry.upgrade() else {
                return false;
            };
            let expired = entry.expires_at.is_some_and(|at| at <= now);
            if expired {
                entry.ended.cancel();
            }
            !expired
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use spaceport_domain::id::SessionId;
    use uuid::Uuid;

    use super::*;

    fn user(n: u128) -> UserId {
        UserId::new(Uuid::from_u128(n))
    }

    fn session(n: u128) -> SignIn {
        SignIn::Session(SessionId::new(Uuid::from_u128(n)))
    }

    #[test]
    fn ending_a_sign_in_ends_every_use_of_it_and_no_other() {
        let all = OpenSignIns::default();
        let (one, again, other) = (
            all.open(user(1), session(1), None, all.moment()),
            all.open(user(1), session(1), None, all.moment()),
            all.open(user(2), session(2), None, all.moment()),
        );
        all.end(session(1));
        assert!(one.ended().is_cancelled() && again.ended().is_cancelled());
        assert!(!other.ended().is_cancelled());
        assert!(
            all.open(user(1), session(1), None, all.moment())
                .ended()
                .is_cancelled()
        );
    }

    #[test]
    fn interrupting_a_user_ends_what_runs_but_not_the_sign_in() {
        let all = OpenSignIns::default();
        let (before, other) = (
            all.open(user(1), session(1), None, all.moment()),
            all.open(user(2), session(2), None, all.moment()),
        );
        all.interrupt(user(1));
        assert!(before.ended().is_cancelled() && !other.ended().is_cancelled());
        assert!(
            !all.open(user(1), session(1), None, all.moment())
                .ended()
                .is_cancelled()
        );
    }

    #[test]
    fn rights_read_before_an_interruption_open_nothing_that_lasts() {
        let all = OpenSignIns::default();
        let moment = all.moment();
        all.interrupt(user(1));
        let opened = |n, moment| all.open(user(n), session(n), None, moment).ended();
        assert!(opened(1, moment).is_cancelled());
        assert!(!opened(2, moment).is_cancelled());
        assert!(!opened(1, all.moment()).is_cancelled());
        for _ in 0..=INTERRUPTED_MAX {
            all.interrupt(user(3));
        }
        assert!(opened(2, moment).is_cancelled(), "nobody knows any more");
    }

    #[test]
    fn what_expires_ends_and_what_nobody_holds_is_forgotten() {
        let all = OpenSignIns::default();
        let at = Timestamp::from_millis;
        let held = all.open(user(1), session(1), Some(at(10)), all.moment());
        drop(all.open(user(2), session(2), None, all.moment()));
        all.sweep(at(9));
        assert!(!held.ended().is_cancelled());
        assert_eq!(all.lock().open.len(), 1);
        all.sweep(at(10));
        assert!(held.ended().is_cancelled());
    }
}
