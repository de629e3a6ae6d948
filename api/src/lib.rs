//! The control plane of Spaceport: it changes state and never carries a space's bytes.
//!
//! `graphql | entrance | http → app → store | engine → domain`, `reconciler → store | engine`, and
//! `agents → store`. See ARCHITECTURE.md for the map and the walkthroughs.

pub mod agents;
pub mod app;
pub mod auth;
pub mod clock;
pub mod engine;
pub mod entrance;
pub mod events;
pub mod graphql;
pub mod http;
pub mod log;
pub mod reconciler;
pub mod serve;
pub mod settings;
pub mod store;
pub mod web;
