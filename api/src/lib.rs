//! The control plane of Spaceport.

pub mod auth;
pub mod clock;
pub mod engine;
pub mod store;
