//! GraphiQL, on which people try the API out. It asks with the dashboard's token, or with what is written
//! into it.

use axum::{
    Router,
    http::{HeaderMap, Uri},
    response::{Redirect, Response},
    routing::get,
};
use spaceport_embedded_pages::embedded;

use super::WebPage;

static GRAPHIQL: WebPage = WebPage::new("GraphiQL", embedded!("graphiql"));

/// The page at `/graphiql`, and its files below that.
pub fn router() -> Router {
    let files = Router::new()
        .route("/", get(file))
        .route("/assets/{*name}", get(file))
        .route("/icon.svg", get(file));
    let page = || async { Redirect::permanent("/graphiql") };
    Router::new()
        .nest("/graphiql", files)
        .route("/graphiql/", get(page))
}

async fn file(uri: Uri, headers: HeaderMap) -> Response {
    GRAPHIQL.serve(uri.path(), &headers)
}
