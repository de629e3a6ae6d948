//! The life of a space.
//!
//! ```text
//!             start                started                 stop
//!  CREATED ──────────▶ STARTING ───────────▶ RUNNING ─────────────▶ STOPPING
//!                       ▲   │ ▲                 │ ▲                   │   │
//!                 start │   │ └─────────────────┘ │ interrupted       │   │ restart:
//!                       │   │ failed              └─ (to STARTING)    │   │ gone, wanted again
//!                       │   ▼                                         │   ▼
//!                    STOPPED ◀────────────────────────────────────────┘  STARTING
//!                       ▲                    gone
//!                       └───── died (from RUNNING, with a failure)
//!
//!  any state ── delete ──▶ DELETING ── nothing is left ──▶ DELETED
//! ```
//!
//! Three pure functions make the machine:
//!
//! - [`request`] answers what somebody asks for: *accepted* with the new state, *already so*, or
//!   *denied* with a reason.
//! - [`step`] compares a state with what the engine was seen to hold and answers with one thing:
//!   wait, act on the engine, or record an outcome. Repeating a step does no harm.
//! - [`record`] applies an outcome to a state.
//!
//! A request changes what is *desired*; only outcomes, which come from observation, say that
//! something *is* so. Each start gives the space a new instance number. A container with any other
//! number is a leftover and goes.

mod failure;
mod outcome;
mod request;
mod state;
mod step;

pub use failure::{EARLY_EXIT_MS, Failure, FailureCode, LOG_TAIL_MAX_BYTES};
pub use outcome::{Outcome, record};
pub use request::{Decision, Denial, Request, request};
pub use state::{Deadlines, Desired, SpaceState, Status};
pub use step::{Action, Exit, Health, Instance, Observed, Phase, Step, step};

#[cfg(test)]
mod properties;
