//! Accounts: people who come, stay and leave.

mod departures;
mod scopes;
mod sessions;
