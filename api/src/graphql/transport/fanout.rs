//! One run of an operation for all who asked for the same.
//!
//! ```text
//!            has a place                       somebody has fallen too far behind,
//!  alone ───────────────────▶ together ──────  or the run they shared has ended
//!    ▲                                       │
//!    └───────────────────────────────────────┘
//! ```
//! Everybody begins alone, with what is theirs to get first. As soon as they stand at a place in
//! the order of events, they go on together with all others who run the same document with the
//! same variables and may see the same: each event is then loaded, resolved and written as JSON
//! once. What was written last is kept, within bounds, for those who read more slowly. Who falls
//! behind even that goes on alone from where they stand, and joins again when they have caught up;
//! so nobody holds anybody else back, and nobody misses anything.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use serde_json::value::RawValue;
use tokio::{sync::watch, task::AbortHandle};

use super::{outcome::Outcome, position::Position};

/// How many events a run keeps for those of its followers who read slowly.
const RECENT_MAX: usize = 256;
/// The most bytes of them.
const RECENT_MAX_BYTES: usize = 512 * 1024;
/// The most bytes that all runs keep.
const KEPT_MAX_BYTES: usize = 64 * 1024 * 1024;
/// How many ended runs may be remembered before they are looked for.
const PRUNE_MIN: usize = 64;

/// What makes two operations the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// What their callers may see; see `Authenticated::view`.
    pub(super) view: [u8; 32],
    /// The document, by its place in memory, which a shared run holds.
    pub(super) document: usize,
    /// The operation's name.
    pub(super) operation_name: Option<String>,
    /// The variables in JSON, whose names are in order.
    pub(super) variables: String,
}

/// A run that has been started.
pub(super) struct Run {
    pub(super) outcomes: BoxStream<'static, Outcome>,
    pub(super) position: Position,
}

/// Starts a run behind a place, or as the operation's arguments say.
pub(super) type Start = Arc<dyn Fn(Option<i64>) -> Run + Send + Sync>;

/// The runs that are shared.
#[derive(Default)]
pub(super) struct Fanouts {
    known: Mutex<Known>,
    /// Bytes that all runs keep.
    kept: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Known {
    runs: HashMap<Arc<Key>, Weak<Fanout>>,
    prune_at: usize,
}

/// A shared run. Dropping it, with the last who follow, ends it.
struct Fanout {
    key: Arc<Key>,
    start: Start,
    recent: Mutex<Recent>,
    kept: Arc<AtomicUsize>,
    tail: watch::Sender<i64>,
    task: OnceLock<AbortHandle>,
}

/// What a shared run has brought and not every follower has got.
struct Recent {
    /// Everything behind this place is here.
    floor: i64,
    events: VecDeque<(i64, Arc<RawValue>)>,
    bytes: usize,
    /// Where the followers stand, and how many stand there.
    places: BTreeMap<i64, usize>,
    end: Option<End>,
}

/// The place of a follower, which a run keeps events for.
struct Seat {
    fanout: Arc<Fanout>,
    at: i64,
}

/// How a shared run has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// There is nothing more to be told.
    Complete,
    /// What comes next is for each to meet by themselves.
    Broken,
}

/// What there is behind a place.
enum Behind {
    Event(Arc<RawValue>),
    NothingYet,
    /// Nothing, and nothing will come.
    Nothing,
    /// Not all of it, or the run has broken off.
    Lost,
}

enum Stage {
    Alone {
        run: Run,
        key: Arc<Key>,
        start: Start,
    },
    Together {
        seat: Seat,
        tail: watch::Receiver<i64>,
    },
}

/// Follows an operation, together with others as soon as that is possible.
pub(super) fn follow(fanouts: Arc<Fanouts>, key: Key, start: Start) -> BoxStream<'static, Outcome> {
    let run = start(None);
    let key = Arc::new(key);
    let alone = Stage::Alone { run, key, start };
    stream::unfold((fanouts, alone), |(fanouts, stage)| async move {
        let (outcome, stage) = next(&fanouts, stage).await?;
        Some((outcome, (fanouts, stage)))
    })
    .boxed()
}

async fn next(fanouts: &Fanouts, mut stage: Stage) -> Option<(Outcome, Stage)> {
    loop {
        stage = match stage {
            Stage::Alone {
                mut run,
                key,
                start,
            } => {
                let at = run.position.reached();
                if let Some(seat) = at.and_then(|at| fanouts.join(&key, &start, at)) {
                    let tail = seat.fanout.tail.subscribe();
                    Stage::Together { seat, tail }
                } else {
                    let outcome = run.outcomes.next().await?;
                    return Some((outcome, Stage::Alone { run, key, start }));
                }
            }
            Stage::Together { mut seat, mut tail } => {
                tail.mark_unchanged();
                match seat.next() {
                    Behind::Event(json) => {
                        return Some((Outcome::written(json), Stage::Together { seat, tail }));
                    }
                    Behind::NothingYet => {
                        // The sender lives as long as what we hold; an error can't come.
                        let _ = tail.changed().await;
                        Stage::Together { seat, tail }
                    }
                    Behind::Nothing => return None,
                    Behind::Lost => Stage::Alone {
                        run: (seat.fanout.start)(Some(seat.at)),
                        key: Arc::clone(&seat.fanout.key),
                        start: Arc::clone(&seat.fanout.start),
                    },
                }
            }
        };
    }
}

impl Fanouts {
    /// A seat in the shared run of this key, begun at `at` when there is none. `None` when there is
    /// one that no longer has all that lies behind `at`.
    fn join(&self, key: &Arc<Key>, start: &Start, at: i64) -> Option<Seat> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let running = known.runs.get(key).and_then(Weak::upgrade);
        if let Some(fanout) = running.filter(|fanout| fanout.recent().end.is_none()) {
            return Seat::take(fanout, at);
        }
        if known.runs.len() >= known.prune_at {
            known.runs.retain(|_, run| run.strong_count() > 0);
            known.prune_at = PRUNE_MIN.max(2 * known.runs.len());
        }
        let kept = Arc::clone(&self.kept);
        let fanout = Fanout::begin(Arc::clone(key), Arc::clone(start), at, kept);
        known.runs.insert(Arc::clone(key), Arc::downgrade(&fanout));
        Seat::take(fanout, at)
    }
}

impl Seat {
    fn take(fanout: Arc<Fanout>, at: i64) -> Option<Self> {
        {
            let mut recent = fanout.recent();
            if recent.floor > at {
                return None;
            }
            *recent.places.entry(at).or_default() += 1;
        }
        Some(Self { fanout, at })
    }

    /// Takes what comes next, and moves on to its place.
    fn next(&mut self) -> Behind {
        let mut recent = self.fanout.recent();
        if recent.floor > self.at {
            return Behind::Lost;
        }
        let next = recent
            .events
            .partition_point(|(place, _)| *place <= self.at);
        let Some((place, json)) = recent.events.get(next) else {
            return match recent.end {
                None => Behind::NothingYet,
                Some(End::Complete) => Behind::Nothing,
                Some(End::Broken) => Behind::Lost,
            };
        };
        let (place, json) = (*place, Arc::clone(json));
        recent.leave(self.at);
        *recent.places.entry(place).or_default() += 1;
        recent.drop_what_all_have(&self.fanout.kept);
        self.at = place;
        Behind::Event(json)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut recent = self.fanout.recent();
        recent.leave(self.at);
        recent.drop_what_all_have(&self.fanout.kept);
    }
}

impl Recent {
    fn leave(&mut self, place: i64) {
        if let Some(count) = self.places.get_mut(&place) {
            *count -= 1;
            if *count == 0 {
                self.places.remove(&place);
            }
        }
    }

    /// Drops the events at or before the place of the last follower.
    fn drop_what_all_have(&mut self, kept: &AtomicUsize) {
        let last = self.places.keys().next().copied();
        while let Some((place, _)) = self.events.front()
            && last.is_none_or(|last| *place <= last)
        {
            self.drop_oldest(kept);
        }
    }

    fn drop_oldest(&mut self, kept: &AtomicUsize) {
        if let Some((place, json)) = self.events.pop_front() {
            self.bytes -= json.get().len();
            kept.fetch_sub(json.get().len(), Ordering::Relaxed);
            self.floor = place;
        }
    }
}

impl Fanout {
    fn begin(key: Arc<Key>, start: Start, at: i64, kept: Arc<AtomicUsize>) -> Arc<Self> {
        let mut run = start(Some(at));
        let fanout = Arc::new(Self {
            key,
            start,
            recent: Mutex::new(Recent {
                floor: at,
                events: VecDeque::new(),
                bytes: 0,
                places: BTreeMap::new(),
                end: None,
            }),
            kept,
            tail: watch::Sender::new(at),
            task: OnceLock::new(),
        });
        let shared = Arc::downgrade(&fanout);
        let task = tokio::spawn(async move {
            let mut last = at;
            let end = loop {
                let Some(outcome) = run.outcomes.next().await else {
                    break End::Complete;
                };
                // An error, or an event without a place, is none to be shared.
                let place = run.position.reached().filter(|place| *place > last);
                let (Some(place), Some(json)) = (place, outcome.write()) else {
                    break End::Broken;
                };
                let Some(fanout) = shared.upgrade() else {
                    return;
                };
                fanout.push(place, json);
                last = place;
            };
            if let Some(fanout) = shared.upgrade() {
                fanout.end(end);
            }
        });
        // Set once, here.
        let _ = fanout.task.set(task.abort_handle());
        fanout
    }

    fn push(&self, place: i64, json: Arc<RawValue>) {
        {
            let mut recent = self.recent();
            let bytes = json.get().len();
            recent.bytes += bytes;
            recent.events.push_back((place, json));
            let all = self.kept.fetch_add(bytes, Ordering::Relaxed) + bytes;
            let mut surplus = all.saturating_sub(KEPT_MAX_BYTES);
            while !recent.events.is_empty()
                && (recent.events.len() > RECENT_MAX
                    || recent.bytes > RECENT_MAX_BYTES
                    || surplus > 0)
            {
                let before = recent.bytes;
                recent.drop_oldest(&self.kept);
                surplus = surplus.saturating_sub(before - recent.bytes);
            }
        }
        self.tail.send_replace(place);
    }

    fn end(&self, end: End) {
        self.recent().end = Some(end);
        self.tail.send_modify(|_| {});
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Fanout {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
        let bytes = self.recent().bytes;
        self.kept.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
