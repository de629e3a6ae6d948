//! Who is calling: passwords, sign-ins, tokens, and the keys behind them; and what agents know the
//! edge by.

pub mod agent_secrets;
pub mod attempts;
pub mod files;
pub mod keys;
pub mod last_use;
pub mod password;
pub mod seal;
pub mod sign_in;
pub mod ssh_key;
pub mod token;
