//! The built pages that the API serves. They have no rights of their own: they ask `/graphql` like every
//! other client, with a token that they send themselves.

pub mod dashboard;
pub mod graphiql;

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use spaceport_embedded_pages::{Caches, Files, Page};

/// A page loads its own files and speaks with its own host, its WebSocket included (CSP3 §6.7.2.8),
/// and nobody frames it. Each can read somebody's token, so no script, style or form of anybody else
/// has a place in it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// A page of the API's program.
#[derive(Debug)]
struct WebPage {
    /// What it is, as a part of a sentence.
    name: &'static str,
    content: Page,
}

impl WebPage {
    const fn new(name: &'static str, files: Files) -> Self {
        Self {
            name,
            content: Page {
                files,
                policy: POLICY,
                caches: Caches::Shared,
            },
        }
    }

    /// The file at `path`, in the form that a request with `headers` wants.
    fn serve(&self, path: &str, headers: &HeaderMap) -> Response {
        match self.content.file(path, headers) {
            Some(file) => file.map(Body::from),
            None if path == "/" => self.not_built(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }

    fn not_built(&self) -> Response {
        let text = format!(
            "This program was built without {}. `dev/web` builds it; then build the program again. \
             The API is at /graphql.\n",
            self.name
        );
        (StatusCode::NOT_FOUND, text).into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[test]
    fn a_page_runs_nothing_but_its_own() {
        assert!(POLICY.starts_with("default-src 'none'"));
        assert!(!POLICY.contains("unsafe") && !POLICY.contains("//"));
    }

    #[tokio::test]
    async fn what_is_not_there_is_told_from_what_was_not_built() {
        let unbuilt = WebPage::new("a test", &[]);
        for (path, expected) in [
            ("/", "This program was built without a test."),
            ("/icon.svg", ""),
        ] {
            let response = unbuilt.serve(path, &HeaderMap::new());
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
            let text = to_bytes(response.into_body(), 1024).await.expect("a text");
            assert!(text.starts_with(expected.as_bytes()), "{path}");
            assert_eq!(text.is_empty(), expected.is_empty(), "{path}");
        }
    }
}
