//! The page on which people make, see and use their spaces.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use spaceport_embedded_pages::embedded;

use super::WebPage;

static DASHBOARD: WebPage = WebPage::new("its dashboard", embedded!("dashboard"));

/// The addresses that the page has within itself. Each is the same file.
const PLACES: [&str; 8] = [
    "/",
    "/new",
    "/new/",
    "/spaces",
    "/spaces/",
    "/spaces/{*place}",
    "/account",
    "/account/",
];
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
    router.fallback(nowhere).with_state(about)
}

async fn tell(State(about): State<Arc<About>>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], Json(*about))
}

async fn page(headers: HeaderMap) -> Response {
    DASHBOARD.serve("/", &headers)
}

/// Where nothing is, the page says so to who reads pages.
async fn nowhere(method: Method, mut headers: HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok());
    let reads_pages = accepted.is_some_and(|it| it.contains("text/html"));
    if !reads_pages || ![Method::GET, Method::HEAD].contains(&method) {
        return StatusCode::NOT_FOUND.into_response();
    }
    headers.remove(header::IF_NONE_MATCH);
    let mut response = page(headers).await;
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().remove(header::ETAG);
    response
}

async fn asset(uri: Uri, headers: HeaderMap) -> Response {
    DASHBOARD.serve(uri.path(), &headers)
}
