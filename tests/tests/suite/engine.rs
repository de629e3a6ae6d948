//! The engine against a real Docker Engine.
//!
//! Needs root, Docker and the images `spaceport/busybox` and `spaceport/base`.

mod containers;
mod images;
mod isolation;
mod restarts;
mod rig;
mod streams;
mod volumes;
