//! The types of the schema, beside the types of the domain they show.

mod app;
pub(super) mod audit;
pub(super) mod edge;
pub(super) mod enums;
mod feature;
pub(super) mod group;
pub(super) mod inputs;
pub(super) mod page;
pub(super) mod problem;
pub(super) mod quota;
pub(super) mod routes;
pub(super) mod scalars;
pub(super) mod session;
pub(super) mod space;
pub(super) mod ssh_key;
pub(super) mod template;
pub(super) mod token;
pub(super) mod tunnel;
pub(super) mod user;
