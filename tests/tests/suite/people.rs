//! Accounts: people who come, stay and leave.

mod attempts;
mod departures;
mod scopes;
mod sessions;
