//! GraphiQL, for development.

use async_graphql::http::GraphiQLSource;
use axum::{Router, response::Html, routing::get};

/// The page at `/graphiql`. It loads its scripts from a public CDN (unpkg.com) in the reader's browser, so
/// it needs the internet there, and is not for production.
pub(super) fn routes() -> Router {
    let page = GraphiQLSource::build()
        .endpoint("/graphql")
        .subscription_endpoint("/graphql")
        .version("3")
        .title("Spaceport GraphiQL")
        .finish();
    Router::new().route("/graphiql", get(move || async move { Html(page) }))
}
