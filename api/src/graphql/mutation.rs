//! Mutations, by what they change. Each answers with the thing, with problems, and with the cursor
//! that includes the change.

use async_graphql::MergedObject;

mod accounts;
mod apps;
mod groups;
mod roles;
mod session;
mod sharing;
mod spaces;
mod ssh_keys;
mod templates;
mod tokens;
mod tunnels;

/// Everything that can be changed.
#[derive(MergedObject, Default)]
pub struct Mutation(
    session::SessionMutation,
    spaces::SpaceMutation,
    sharing::SharingMutation,
    tunnels::TunnelMutation,
    apps::AppMutation,
    templates::TemplateMutation,
    accounts::AccountMutation,
    groups::GroupMutation,
    roles::RoleMutation,
    tokens::TokenMutation,
    ssh_keys::SshKeyMutation,
);
