//! The engine against a real Docker Engine.
//!
//! Needs root, Docker and the images `spaceport/busybox` and `spaceport/base`.

#![expect(
    clippy::unwrap_used,
    reason = "what a test needs and doesn't get is a failure of the test"
)]

mod containers;
mod images;
mod isolation;
mod private_docker;
mod restarts;
mod rig;
mod streams;
mod volumes;
