//! The control plane of Spaceport.

pub mod engine;
pub mod graphql;
