//! GraphiQL, on which people try the API out. It has no rights of its own: it asks `/graphql` with the
//! dashboard's token, or with what is written into it.

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use spaceport_embedded_pages::{Caches, Page, embedded};

/// It can read the dashboard's token, so its policy is no laxer than the dashboard's, and what it is
/// made of comes from here alone.
static GRAPHIQL: Page = Page {
    files: embedded!("graphiql"),
    policy: "default-src 'none'; script-src 'self'; style-src 'self'; \
        img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
        frame-ancestors 'none'",
    caches: Caches::Shared,
};

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
    let file = GRAPHIQL.file(uri.path(), &headers);
    file.map_or_else(|| missing(uri.path()), |file| file.map(Body::from))
}

fn missing(path: &str) -> Response {
    if path != "/" {
        return StatusCode::NOT_FOUND.into_response();
    }
    let text = "This program was built without GraphiQL. `dev/web` builds it; then build the program \
                again. The API is at /graphql.\n";
    (StatusCode::NOT_FOUND, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_runs_nothing_but_its_own() {
        assert!(GRAPHIQL.policy.starts_with("default-src 'none'"));
        assert!(!GRAPHIQL.policy.contains("unsafe") && !GRAPHIQL.policy.contains("//"));
    }
}
