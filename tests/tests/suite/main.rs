//! Promises of Spaceport, checked against the real parts.
//!
//! Needs root, Docker, the images `spaceport/busybox` and `spaceport/base`, the programs of this
//! build, and Postgres: `eval "$(dev/postgres start)"`. `make test` sees to all of it.

#![expect(
    clippy::needless_pass_by_value,
    reason = "the values of json! are written in place"
)]

mod attacks;
mod engine;
mod house;
mod lifecycle;
mod protocols;
mod quota;
mod schema;
mod statements;
mod subscriptions;
