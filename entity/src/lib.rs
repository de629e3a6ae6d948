//! Rows of the database, one table a file.
//!
//! Rows hold no rules: the store turns them into the types of `spaceport_domain` and back. Instants
//! are milliseconds since the Unix epoch; what has a shape of its own is JSON text.

pub mod api_token;
pub mod app_code;
pub mod audit_entry;
pub mod cli_code;
pub mod event;
pub mod event_head;
pub mod group;
pub mod group_member;
pub mod role;
pub mod session;
pub mod space;
pub mod space_parameter;
pub mod space_share;
pub mod ssh_key;
pub mod template;
pub mod template_group;
pub mod template_version;
pub mod tunnel;
pub mod user;
pub mod user_role;
pub mod volume;
