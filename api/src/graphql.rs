//! The GraphQL API: its schema and the protocols it is spoken over.

pub mod transport;
