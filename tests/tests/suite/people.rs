//! Accounts: people who come, stay and leave.

mod attempts;
pub mod cli_sign_in;
mod departures;
mod scopes;
mod sessions;
