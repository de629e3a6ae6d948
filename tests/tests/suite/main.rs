//! Promises of Spaceport, checked against the real parts.

mod engine;
