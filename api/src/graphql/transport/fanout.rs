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
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
};

use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use serde_json::value::RawValue;
use tokio::{sync::watch, task::AbortHandle};

use super::{outcome::Outcome, position::Position};

/// How many of the newest events are kept for those who read slowly.
const RECENT_MAX: usize = 256;
/// The most bytes of them.
const RECENT_MAX_BYTES: usize = 512 * 1024;
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
pub(super) struct Fanouts(Mutex<Known>);

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
    tail: watch::Sender<i64>,
    task: OnceLock<AbortHandle>,
}

/// What a shared run has brought last.
struct Recent {
    /// Everything behind this place is here.
    floor: i64,
    events: VecDeque<(i64, Arc<RawValue>)>,
    bytes: usize,
    end: Option<End>,
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
    Event(i64, Arc<RawValue>),
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
        fanout: Arc<Fanout>,
        tail: watch::Receiver<i64>,
        at: i64,
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
                let joined = at.and_then(|at| Some((fanouts.join(&key, &start, at)?, at)));
                if let Some((fanout, at)) = joined {
                    let tail = fanout.tail.subscribe();
                    Stage::Together { fanout, tail, at }
                } else {
                    let outcome = run.outcomes.next().await?;
                    return Some((outcome, Stage::Alone { run, key, start }));
                }
            }
            Stage::Together {
                fanout,
                mut tail,
                at,
            } => {
                tail.mark_unchanged();
                match fanout.behind(at) {
                    Behind::Event(at, json) => {
                        let stage = Stage::Together { fanout, tail, at };
                        return Some((Outcome::written(json), stage));
                    }
                    Behind::NothingYet => {
                        // The sender lives as long as what we hold; an error can't come.
                        let _ = tail.changed().await;
                        Stage::Together { fanout, tail, at }
                    }
                    Behind::Nothing => return None,
                    Behind::Lost => Stage::Alone {
                        run: (fanout.start)(Some(at)),
                        key: Arc::clone(&fanout.key),
                        start: Arc::clone(&fanout.start),
                    },
                }
            }
        };
    }
}

impl Fanouts {
    /// The shared run of this key, begun at `at` when there is none. `None` when there is one that
    /// no longer has all that lies behind `at`.
    fn join(&self, key: &Arc<Key>, start: &Start, at: i64) -> Option<Arc<Fanout>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let running = known.runs.get(key).and_then(Weak::upgrade);
        if let Some(fanout) = running.filter(|fanout| fanout.recent().end.is_none()) {
            let has_all = fanout.recent().floor <= at;
            return has_all.then_some(fanout);
        }
        if known.runs.len() >= known.prune_at {
            known.runs.retain(|_, run| run.strong_count() > 0);
            known.prune_at = PRUNE_MIN.max(2 * known.runs.len());
        }
        let fanout = Fanout::begin(Arc::clone(key), Arc::clone(start), at);
        known.runs.insert(Arc::clone(key), Arc::downgrade(&fanout));
        Some(fanout)
    }
}

impl Fanout {
    fn begin(key: Arc<Key>, start: Start, at: i64) -> Arc<Self> {
        let mut run = start(Some(at));
        let fanout = Arc::new(Self {
            key,
            start,
            recent: Mutex::new(Recent {
                floor: at,
                events: VecDeque::new(),
                bytes: 0,
                end: None,
            }),
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
            recent.bytes += json.get().len();
            recent.events.push_back((place, json));
            while recent.events.len() > RECENT_MAX || recent.bytes > RECENT_MAX_BYTES {
                let Some((place, json)) = recent.events.pop_front() else {
                    break;
                };
                recent.bytes -= json.get().len();
                recent.floor = place;
            }
        }
        self.tail.send_replace(place);
    }

    fn end(&self, end: End) {
        self.recent().end = Some(end);
        self.tail.send_modify(|_| {});
    }

    fn behind(&self, at: i64) -> Behind {
        let recent = self.recent();
        if recent.floor > at {
            return Behind::Lost;
        }
        let next = recent.events.partition_point(|(place, _)| *place <= at);
        match (recent.events.get(next), recent.end) {
            (Some((place, json)), _) => Behind::Event(*place, Arc::clone(json)),
            (None, None) => Behind::NothingYet,
            (None, Some(End::Complete)) => Behind::Nothing,
            (None, Some(End::Broken)) => Behind::Lost,
        }
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
    }
}

#[cfg(test)]
mod tests;
