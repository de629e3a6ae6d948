//! The page on which people make, see and use their spaces.
//!
//! It has no rights of its own: it asks `/graphql` like every other client, with a token that it
//! sends itself.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use spaceport_embedded_pages::{Caches, Page, embedded};

/// The page loads its own files and speaks with its own host, its WebSocket included (CSP3 §6.7.2.8),
/// and nobody frames it. It keeps somebody's token, so no script, style or form of anybody else has a
/// place in it.
static DASHBOARD: Page = Page {
    files: embedded!("dashboard"),
    policy: "default-src 'none'; script-src 'self'; style-src 'self'; \
        img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; \
        frame-ancestors 'none'",
    caches: Caches::Shared,
};

/// The addresses that the page has within itself. Each is the same file.
const PLACES: [&str; 4] = ["/", "/new", "/spaces/{*place}", "/account"];
/// What the page asks about the API that served it.
const ABOUT_PATH: &str = "/dashboard.json";

/// What there is beside the API, in [`ABOUT_PATH`].
#[derive(Clone, Copy, Serialize)]
struct About {
    /// Whether `/graphiql` is served.
    graphiql: bool,
}

/// The page, at every address that it has within itself, and its files. `graphiql` says whether the
/// page may lead there.
pub fn router(graphiql: bool) -> Router {
    let about = Arc::new(About { graphiql });
    let mut router = Router::new()
        .route(ABOUT_PATH, get(tell))
        .route("/assets/{*name}", get(asset))
        .route("/icon.svg", get(asset));
    for place in PLACES {
        router = router.route(place, get(page));
    }
    router.with_state(about)
}

async fn tell(State(about): State<Arc<About>>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], Json(*about))
}

async fn page(headers: HeaderMap) -> Response {
    let page = DASHBOARD.file("/", &headers);
    page.map_or_else(not_built, |page| page.map(Body::from))
}

async fn asset(uri: Uri, headers: HeaderMap) -> Response {
    let file = DASHBOARD.file(uri.path(), &headers);
    file.map_or_else(
        || StatusCode::NOT_FOUND.into_response(),
        |file| file.map(Body::from),
    )
}

fn not_built() -> Response {
    let text = "This program was built without its dashboard. `dev/web` builds it; then build the \
                program again. The API is at /graphql.\n";
    (StatusCode::NOT_FOUND, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_runs_nothing_but_its_own() {
        assert!(DASHBOARD.policy.starts_with("default-src 'none'"));
        assert!(!DASHBOARD.policy.contains("unsafe"));
    }
}
