//! The control plane of Spaceport.

pub mod app;
pub mod auth;
pub mod clock;
pub mod engine;
pub mod events;
pub mod graphql;
pub mod settings;
pub mod store;
pub mod wake;
