//! The GraphQL API: the schema over the app's actions, and the protocols it is served by.
//!
//! Resolvers hold no rules. They turn inputs into the app's types and results into the schema's,
//! and load what belongs to lists in batches.

use std::sync::Arc;

use async_graphql::{Schema, ValidationMode};

mod authenticator;
mod caller;
mod error;
mod loaders;
mod mutation;
mod query;
mod subscription;
pub mod transport;
mod types;

pub use authenticator::Authenticator;
pub use caller::{Caller, Identity};
pub use loaders::Loaders;

use crate::app::App;

/// Fields whose lists are no pages and may have a hundred elements, which is what bounds them.
pub const LONG_LISTS: &[&str] = &["sessions", "apiTokens", "sshKeys", "shares", "tunnels"];

/// The schema that is served.
pub type SpaceportSchema = Schema<query::Query, mutation::Mutation, subscription::Subscription>;

/// The schema over `app`.
pub fn schema(app: Arc<App>) -> SpaceportSchema {
    builder().data(app).finish()
}

/// The schema's text, as in `schema.graphql`.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new()
        .include_specified_by()
        .sorted_enum_items();
    builder().finish().sdl_with_options(options)
}

type Builder =
    async_graphql::SchemaBuilder<query::Query, mutation::Mutation, subscription::Subscription>;

fn builder() -> Builder {
    Schema::build(
        query::Query,
        mutation::Mutation::default(),
        subscription::Subscription,
    )
    // The transport has validated every document, once per text.
    .validation_mode(ValidationMode::Fast)
    .disable_suggestions()
}

#[cfg(test)]
mod tests;
