//! The commands, one a file.

pub mod completion;
pub mod cp;
pub mod exec;
pub mod forward;
pub mod keys;
pub mod login;
pub mod open;
pub mod quota;
pub mod share;
pub mod space;
pub mod ssh;
pub mod ssh_config;
pub mod template;
pub mod tunnel;
pub mod whoami;
