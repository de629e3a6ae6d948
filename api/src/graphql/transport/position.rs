//! Where a subscription stands: told by its resolvers, asked by the transport.
//!
//! A resolver whose events have places in one order says which it has just given, and begins where
//! it is told to. So the transport can go on with one run of an operation where another stood.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use async_graphql::Context;

/// No place was reached yet; places are positive.
const NOWHERE: i64 = i64::MIN;

/// Where one run of a subscription begins and how far it has come. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Position {
    resume: Option<i64>,
    reached: Arc<AtomicI64>,
}

impl Position {
    /// Of a run that begins behind `resume`, or as its arguments say when that is `None`.
    pub(super) fn new(resume: Option<i64>) -> Self {
        Self {
            resume,
            reached: Arc::new(AtomicI64::new(NOWHERE)),
        }
    }

    /// The position of the operation being carried out.
    pub fn of(context: &Context<'_>) -> Self {
        let known = context.data_opt::<Self>().cloned();
        known.unwrap_or_else(|| Self::new(None))
    }

    /// Where to go on, whatever the arguments say, as if the run that stood there had.
    pub fn resume(&self) -> Option<i64> {
        self.resume
    }

    /// Notes the place of the event that is given next.
    pub fn reach(&self, place: i64) {
        self.reached.store(place, Ordering::Release);
    }

    /// The place of the event that was given last, when it had one.
    pub(super) fn reached(&self) -> Option<i64> {
        let reached = self.reached.load(Ordering::Acquire);
        (reached != NOWHERE).then_some(reached)
    }
}
