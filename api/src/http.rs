//! The API's HTTP server: GraphQL, and what operators and the edge ask for.

mod connection;
mod server;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use metrics_exporter_prometheus::PrometheusHandle;

pub use self::server::{ConnectionBounds, serve};
use crate::app::App;

#[derive(Clone)]
struct Operations {
    app: Arc<App>,
    metrics: PrometheusHandle,
}

/// Everything the API serves; `routes` are those of the GraphQL endpoint and the pages.
pub fn router(app: Arc<App>, metrics: PrometheusHandle, routes: Router) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(render_metrics))
        .route("/.well-known/jwks.json", get(jwks))
        .with_state(Operations { app, metrics })
        .merge(routes)
}

/// Ready means that requests can be answered. Whether the container engine answers is no part of
/// it: without it, spaces can still be seen, and wishes are kept.
async fn ready(State(operations): State<Operations>) -> impl IntoResponse {
    match operations.app.store.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database does not answer\n",
            )
        }
    }
}

async fn render_metrics(State(operations): State<Operations>) -> impl IntoResponse {
    metrics::counter!("spaceport_sql_statements_total").absolute(operations.app.store.statements());
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    (
        [(header::CONTENT_TYPE, content_type)],
        operations.metrics.render(),
    )
}

async fn jwks(State(operations): State<Operations>) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "application/jwk-set+json"),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    (
        headers,
        Json(operations.app.keys.jwks()).into_response().into_body(),
    )
}
