//! What browsers send: forms of these pages, and nothing from elsewhere.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{ConnectInfo, FromRequest, Request},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::Response,
};
use spaceport_domain::problem::{Problem, ProblemCode};

use super::Pages;
use crate::app::Origin;

/// The longest form: two names and a password.
const FORM_BYTES_MAX: usize = 16 << 10;
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The fields of a form, still encoded.
pub(super) struct Form(Vec<u8>);

impl Form {
    /// The field of this name; empty when there is none, or more than one.
    pub(super) fn field(&self, name: &str) -> String {
        only(&self.0, name).unwrap_or_default()
    }
}

/// The value of the parameter `name`, when there is exactly one.
pub(super) fn only(encoded: &[u8], name: &str) -> Option<String> {
    let mut values = form_urlencoded::parse(encoded).filter(|(key, _)| key == name);
    let (_, value) = values.next()?;
    values.next().is_none().then(|| value.into_owned())
}

/// Why a form is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NotAForm;

/// A form that one of these pages has sent. From elsewhere none gets to what takes one.
pub(super) struct Sent {
    pub(super) origin: Origin,
    pub(super) headers: HeaderMap,
    pub(super) form: Form,
}

impl FromRequest<Arc<Pages>> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, pages: &Arc<Pages>) -> Result<Self, Response> {
        let origin = origin(&request);
        let (parts, body) = request.into_parts();
        let form = pages.form(&parts.headers, body).await;
        Ok(Self {
            origin,
            form: form.map_err(|NotAForm| pages.foreign())?,
            headers: parts.headers,
        })
    }
}

impl Pages {
    /// The form in a request that comes from one of these pages.
    async fn form(&self, headers: &HeaderMap, body: Body) -> Result<Form, NotAForm> {
        let is_form = text(headers, &header::CONTENT_TYPE)
            .and_then(|it| it.split(';').next())
            .is_some_and(|it| {
                it.trim()
                    .eq_ignore_ascii_case("application/x-www-form-urlencoded")
            });
        if !is_form || !is_from_here(headers, self.app.settings.api_public_url.as_str()) {
            return Err(NotAForm);
        }
        let whole = axum::body::to_bytes(body, FORM_BYTES_MAX);
        match tokio::time::timeout(self.app.settings.limits.body, whole).await {
            Ok(Ok(bytes)) => Ok(Form(bytes.into())),
            _ => Err(NotAForm),
        }
    }
}

/// Whether a page of this very origin sends the request. Browsers say so in `Sec-Fetch-Site` where
/// a connection can be trusted (Fetch Metadata §2.3), else in `Origin`; no page can forge either.
fn is_from_here(headers: &HeaderMap, public: &str) -> bool {
    match text(headers, &SEC_FETCH_SITE) {
        Some(site) => site == "same-origin",
        None => text(headers, &header::ORIGIN) == Some(public),
    }
}

/// Whether a browser shows the answer as a page of its own, and not in a frame or to a script
/// (Fetch Metadata §2.1 and §2.2). Where the connection can't be trusted, browsers say nothing,
/// which is taken for a yes.
pub(super) fn is_navigation(headers: &HeaderMap) -> bool {
    let says = |name: &HeaderName, wanted: &[u8]| {
        let mut values = headers.get_all(name).iter();
        values.all(|value| value.as_bytes() == wanted)
    };
    says(&SEC_FETCH_MODE, b"navigate") && says(&SEC_FETCH_DEST, b"document")
}

/// From where a request came, for the audit log.
pub(super) fn origin(request: &Request) -> Origin {
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>();
    Origin {
        address: address.map(|it| it.0.ip()),
        user_agent: text(request.headers(), &header::USER_AGENT).map(str::to_owned),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The status of an answer that tells of `problems`.
pub(super) fn status(problems: &[Problem]) -> StatusCode {
    match problems.first().map(|problem| problem.code) {
        Some(ProblemCode::InvalidCredentials) => StatusCode::UNAUTHORIZED,
        Some(ProblemCode::Forbidden) => StatusCode::FORBIDDEN,
        Some(ProblemCode::NotFound) => StatusCode::NOT_FOUND,
        Some(ProblemCode::RateLimited) => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::CONFLICT,
    }
}

/// After how long another attempt may succeed.
pub(super) fn retry_after(problems: &[Problem]) -> Option<Duration> {
    problems.iter().find_map(|problem| problem.retry_after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_given_twice_is_none() {
        assert_eq!(only(b"to=a%20b&x=1", "to").as_deref(), Some("a b"));
        assert_eq!(only(b"to=a&to=b", "to"), None);
        assert_eq!(only(b"", "to"), None);
    }

    #[test]
    fn only_a_page_of_its_own_is_a_navigation() {
        for (mode, dest, expected) in [
            (Some("navigate"), Some("document"), true),
            (None, None, true),
            (Some("navigate"), None, true),
            (Some("navigate"), Some("iframe"), false),
            (Some("no-cors"), Some("empty"), false),
            (Some("no-cors"), Some("image"), false),
            (Some("cors"), None, false),
            (None, Some("empty"), false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [(SEC_FETCH_MODE, mode), (SEC_FETCH_DEST, dest)] {
                if let Some(value) = value {
                    headers.insert(name, value.parse().expect("a value"));
                }
            }
            assert_eq!(is_navigation(&headers), expected, "{mode:?} {dest:?}");
        }
    }

    #[test]
    fn only_what_comes_from_these_pages_is_taken() {
        let public = "https://spaceport.example";
        for (site, origin, expected) in [
            (Some("same-origin"), Some("http://localhost:8080"), true),
            (Some("same-origin"), None, true),
            (Some("same-site"), Some(public), false),
            (Some("cross-site"), Some(public), false),
            (Some("none"), None, false),
            (None, Some(public), true),
            (None, Some("https://spaceport.example.evil.example"), false),
            (None, Some("http://spaceport.example"), false),
            (None, Some("null"), false),
            (None, None, false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [(SEC_FETCH_SITE, site), (header::ORIGIN, origin)] {
                if let Some(value) = value {
                    headers.insert(name, value.parse().expect("a value"));
                }
            }
            assert_eq!(
                is_from_here(&headers, public),
                expected,
                "{site:?} {origin:?}"
            );
        }
    }
}
