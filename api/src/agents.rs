//! What the control plane asks the agents in running spaces, as the edge asks them:
//! [`spaceport_domain::agent`] says how they speak.
//!
//! [`Watch`] asks how their apps are, again and again, and writes down what has changed: so every
//! replica and every subscriber is told, by the event log. Only the replica that reconciles does
//! that. Nothing waits for an agent but its own question.

mod question;
mod silence;
mod telling;
mod watch;

pub use watch::Watch;
