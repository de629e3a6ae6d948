//! Agents that don't answer, or take their time for it, are asked less and less often: what a question
//! costs until it is given up must not keep the others from being asked.

use std::{collections::HashMap, time::Duration};

use spaceport_domain::id::SpaceId;
use tokio::time::Instant;

/// How long an agent that didn't answer isn't asked: that much after the first time, twice as long
/// after each further one, and at most so.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// An answer that takes longer counts as none: an agent has nothing to think about.
const PROMPT: Duration = Duration::from_secs(1);

/// Whose agents don't answer.
#[derive(Debug, Default)]
pub(super) struct Silences(HashMap<SpaceId, Silence>);

#[derive(Clone, Copy, Debug)]
struct Silence {
    /// Of which start of the space.
    instance: u32,
    pause: Duration,
    until: Instant,
}

impl Silences {
    /// Whether the agent of this start may be asked at `now`.
    pub(super) fn is_over(&self, space: SpaceId, instance: u32, now: Instant) -> bool {
        let silence = self.0.get(&space).filter(|it| it.instance == instance);
        silence.is_none_or(|it| it.until <= now)
    }

    /// Notes whether the agent of this start answered a question at `now`, and how long that took.
    pub(super) fn note(
        &mut self,
        space: SpaceId,
        instance: u32,
        answered_in: Option<Duration>,
        now: Instant,
    ) {
        let before = self.0.remove(&space).filter(|it| it.instance == instance);
        if answered_in.is_some_and(|took| took <= PROMPT) {
            return;
        }
        let pause = before.map_or(PAUSE_MIN, |it| (it.pause * 2).min(PAUSE_MAX));
        let until = now + pause;
        let silence = Silence {
            instance,
            pause,
            until,
        };
        self.0.insert(space, silence);
    }

    /// Forgets whoever `is_there` no longer.
    pub(super) fn keep(&mut self, is_there: impl Fn(SpaceId) -> bool) {
        self.0.retain(|space, _| is_there(*space));
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn who_is_silent_is_asked_less_and_less_often_until_they_answer_or_are_started_anew() {
        let (mut silences, mut now) = (Silences::default(), Instant::now());
        let space = SpaceId::new(Uuid::from_u128(1));
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert!(silences.is_over(space, 1, now));
            silences.note(space, 1, None, now);
            assert!(silences.is_over(space, 2, now), "it is another start");
            let pause = Duration::from_secs(pause);
            assert!(!silences.is_over(space, 1, now + pause - PAUSE_MIN / 2));
            now += pause;
        }
        silences.note(space, 1, None, now);
        silences.note(space, 1, Some(PROMPT), now);
        assert!(silences.is_over(space, 1, now));
        silences.note(space, 1, None, now);
        silences.keep(|_| false);
        assert!(silences.is_over(space, 1, now));
    }

    #[test]
    fn who_answers_late_is_asked_less_often_like_who_does_not() {
        let (mut silences, now) = (Silences::default(), Instant::now());
        let space = SpaceId::new(Uuid::from_u128(1));
        let late = Some(PROMPT + Duration::from_millis(1));
        silences.note(space, 1, late, now);
        silences.note(space, 1, late, now);
        let pause = PAUSE_MIN * 2;
        assert!(!silences.is_over(space, 1, now + pause - PAUSE_MIN / 2));
        assert!(silences.is_over(space, 1, now + pause));
        silences.note(space, 1, Some(PROMPT), now);
        assert!(silences.is_over(space, 1, now));
    }
}
