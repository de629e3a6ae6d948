//! What the edge answers itself.
//!
//! Each answer has a stable code, in the field `x-spaceport-error` and in the body: a page for
//! browsers, JSON for programs that ask for it, plain text for the rest. None may be stored by
//! caches or indexed, and a page loads nothing and runs nothing.

mod form;
mod page;

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
        RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
    },
};
use spaceport_domain::{
    agent::{App, AppState},
    lifecycle::Status,
};

use crate::{
    grpc,
    headers::{CLEAR_SITE_DATA, Malformed, X_REQUEST_ID, X_SPACEPORT_ERROR},
};

use self::form::Form;

/// Names the reason for an answer; programs may rely on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// 400: the request is ambiguous or not understood.
    BadRequest,
    /// 401: the app takes a sign-in.
    SignInRequired,
    /// 403: the one-time code of a sign-in was used, has expired, or never was.
    SignInFailed,
    /// 403: a page of another origin asks.
    CrossOrigin,
    /// 408: the request's body came too slowly.
    RequestTimeout,
    /// 404: there is nothing at this hostname, or nothing for who asks.
    UnknownHost,
    /// 501: the connection, or the stream of HTTP/2, can't become that here.
    NotImplemented,
    /// 421: the certificate of this connection doesn't cover the hostname.
    MisdirectedRequest,
    /// 503: the space exists and doesn't run.
    SpaceNotRunning,
    /// 502: the space runs, and nobody takes connections at the port.
    NothingListens,
    /// 501: the edge's program was built without the page.
    PageNotBuilt,
    /// 502: it takes the space's agent, and the space has none, or it isn't there.
    NoAgent,
    /// 504: the space didn't take the connection, or didn't answer, in time.
    UpstreamTimeout,
    /// 502: the space broke off or answered with what is no HTTP.
    UpstreamError,
    /// 502: the route leads to where the edge doesn't connect.
    UpstreamForbidden,
    /// 503: too many connections into this port of the space are open.
    UpstreamBusy,
    /// 503: nobody can sign in to apps at the moment.
    SignInUnavailable,
}

impl Code {
    /// Every code, in the order of the discriminants.
    pub const ALL: [Self; 17] = [
        Self::BadRequest,
        Self::SignInRequired,
        Self::SignInFailed,
        Self::CrossOrigin,
        Self::RequestTimeout,
        Self::UnknownHost,
        Self::NotImplemented,
        Self::MisdirectedRequest,
        Self::SpaceNotRunning,
        Self::NothingListens,
        Self::PageNotBuilt,
        Self::NoAgent,
        Self::UpstreamTimeout,
        Self::UpstreamError,
        Self::UpstreamForbidden,
        Self::UpstreamBusy,
        Self::SignInUnavailable,
    ];

    /// The spelling in answers and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::SignInRequired => "SIGN_IN_REQUIRED",
            Self::SignInFailed => "SIGN_IN_FAILED",
            Self::CrossOrigin => "CROSS_ORIGIN",
            Self::RequestTimeout => "REQUEST_TIMEOUT",
            Self::UnknownHost => "UNKNOWN_HOST",
            Self::NotImplemented => "NOT_IMPLEMENTED",
            Self::MisdirectedRequest => "MISDIRECTED_REQUEST",
            Self::SpaceNotRunning => "SPACE_NOT_RUNNING",
            Self::NothingListens => "NOTHING_LISTENS",
            Self::PageNotBuilt => "PAGE_NOT_BUILT",
            Self::NoAgent => "NO_AGENT",
            Self::UpstreamTimeout => "UPSTREAM_TIMEOUT",
            Self::UpstreamError => "UPSTREAM_ERROR",
            Self::UpstreamForbidden => "UPSTREAM_FORBIDDEN",
            Self::UpstreamBusy => "UPSTREAM_BUSY",
            Self::SignInUnavailable => "SIGN_IN_UNAVAILABLE",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::SignInRequired => StatusCode::UNAUTHORIZED,
            Self::SignInFailed | Self::CrossOrigin => StatusCode::FORBIDDEN,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::UnknownHost => StatusCode::NOT_FOUND,
            Self::NotImplemented | Self::PageNotBuilt => StatusCode::NOT_IMPLEMENTED,
            Self::MisdirectedRequest => StatusCode::MISDIRECTED_REQUEST,
            Self::SpaceNotRunning | Self::UpstreamBusy | Self::SignInUnavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::NothingListens
            | Self::NoAgent
            | Self::UpstreamError
            | Self::UpstreamForbidden => StatusCode::BAD_GATEWAY,
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

/// An answer, before it is known how the client wants to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its code.
    pub code: Code,
    title: &'static str,
    message: String,
    retry_after_seconds: Option<u32>,
    /// Whether a page looks again by itself.
    refresh: bool,
    /// Whether a browser is to forget what it keeps for the hostname.
    fresh_site: bool,
    /// Where to go on, and what is there.
    link: Option<Link>,
}

/// Where to go on from an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Link {
    url: String,
    text: &'static str,
}

impl Answer {
    fn new(code: Code, title: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            title,
            message: message.into(),
            retry_after_seconds: None,
            refresh: false,
            fresh_site: false,
            link: None,
        }
    }

    fn leading_to(mut self, url: String, text: &'static str) -> Self {
        self.link = Some(Link { url, text });
        self
    }

    /// The app takes a sign-in, which can be had at `url`.
    pub fn sign_in_required(url: String) -> Self {
        let message = "This address takes a sign-in.";
        Self::new(Code::SignInRequired, "Sign in", message).leading_to(url, "Sign in")
    }

    /// The one-time code can't be used; another can be had at `url`.
    pub fn sign_in_failed(url: String) -> Self {
        let message = "This link has been used, or is too old.";
        Self::new(Code::SignInFailed, "Sign in again", message).leading_to(url, "Sign in again")
    }

    /// Nobody can sign in now; later `url` will do.
    pub fn sign_in_unavailable(url: String) -> Self {
        let message = "Signing in isn't possible at the moment. Who has signed in goes on.";
        Self {
            retry_after_seconds: Some(5),
            ..Self::new(Code::SignInUnavailable, "Try again soon", message)
        }
        .leading_to(url, "Try again")
    }

    /// A page of another origin asks with the visitor's cookie.
    pub fn cross_origin() -> Self {
        let message = "A page of another address may not ask this.";
        Self::new(Code::CrossOrigin, "Not from there", message)
    }

    /// Adds where to sign in as somebody who may find more.
    #[must_use]
    pub fn with_sign_in(self, url: String) -> Self {
        self.leading_to(url, "Sign in again")
    }

    /// Has a browser forget what it keeps for the hostname, service workers first of all.
    #[must_use]
    pub fn with_fresh_site(mut self) -> Self {
        self.fresh_site = true;
        self
    }

    /// Adds where the space can be started.
    #[must_use]
    pub fn with_start(self, url: String) -> Self {
        self.leading_to(url, "Start it")
    }

    /// The request can't be served by anybody.
    pub fn malformed(why: Malformed) -> Self {
        Self::new(Code::BadRequest, "Bad request", why.to_string())
    }

    /// The visitor broke off in the middle of a request.
    pub fn broken_request() -> Self {
        let message = "The request's body ended before it was complete.";
        Self::new(Code::BadRequest, "Bad request", message)
    }

    /// The visitor took too long over a request.
    pub fn slow_request() -> Self {
        let message = "The request's body came too slowly.";
        Self::new(Code::RequestTimeout, "Too slow", message)
    }

    /// No route has the hostname.
    pub fn unknown_host() -> Self {
        let message = "There is nothing at this address.";
        Self::new(Code::UnknownHost, "Not found", message)
    }

    /// The connection or stream should become something that isn't spoken here.
    pub fn not_implemented() -> Self {
        let message = "This address doesn't speak the protocol that was asked for.";
        Self::new(Code::NotImplemented, "Not implemented", message)
    }

    /// The hostname must be asked for on a connection of its own.
    pub fn misdirected() -> Self {
        let message = "This connection was opened for another address.";
        Self::new(Code::MisdirectedRequest, "Wrong connection", message)
    }

    /// The space called `name` is in `status`.
    pub fn not_running(name: &str, status: Status) -> Self {
        let (title, state, retry) = match status {
            Status::Starting => ("Starting", "is starting. This takes a moment.", 3),
            Status::Stopping => ("Stopping", "is being stopped.", 3),
            Status::Created => ("Not started", "has not been started yet.", 30),
            Status::Deleting | Status::Deleted => ("Going away", "is being deleted.", 60),
            Status::Stopped | Status::Running => ("Stopped", "is stopped.", 30),
        };
        Self {
            retry_after_seconds: Some(retry),
            // What is on its way to another state is soon there.
            refresh: matches!(status, Status::Starting | Status::Stopping),
            ..Self::new(
                Code::SpaceNotRunning,
                title,
                format!("The space “{name}” {state}"),
            )
        }
    }

    /// Nobody takes connections at the port. A program that was started with the space may do so
    /// soon.
    pub fn nothing_listens(port: u16) -> Self {
        let message =
            format!("The space runs, but nothing in it listens on port {port} for connections.");
        Self {
            retry_after_seconds: Some(3),
            refresh: true,
            ..Self::new(Code::NothingListens, "Nothing listens", message)
        }
    }

    /// Nobody takes connections at the port of the editor, which its agent says is `app`.
    pub fn editor_missing(app: App) -> Self {
        let (title, message, retry_after_seconds) = match (app.state, app.reason) {
            (AppState::Absent, _) => {
                let message = "The space runs, but its image has no editor.";
                ("No editor", message.to_owned(), None)
            }
            (AppState::Waiting, Some(reason)) => {
                let message = format!("The editor has ended and is started again soon: {reason}");
                ("Starting again", message, Some(3))
            }
            _ => {
                let message = "The editor is starting. This takes a moment.";
                ("Starting", message.to_owned(), Some(1))
            }
        };
        Self {
            retry_after_seconds,
            refresh: retry_after_seconds.is_some(),
            ..Self::new(Code::NothingListens, title, message)
        }
    }

    /// The page called `name` isn't a part of this program.
    pub fn page_not_built(name: &str) -> Self {
        let message = format!(
            "This edge was built without its {name} page. \
            To have it, run dev/web, build spaceport-proxy again, and restart it."
        );
        Self::new(Code::PageNotBuilt, "Page not built", message)
    }

    /// The space has no agent, or it isn't there.
    pub fn no_agent() -> Self {
        let message = "The space runs, but can't be entered this way. Restart it.";
        Self::new(Code::NoAgent, "No way in", message)
    }

    /// The space was too slow.
    pub fn timeout() -> Self {
        let message = "The space did not answer in time.";
        Self::new(Code::UpstreamTimeout, "No answer", message)
    }

    /// The space answered with what can't be passed on.
    pub fn upstream_error() -> Self {
        let message = "The space broke off or gave an answer that can't be understood.";
        Self::new(Code::UpstreamError, "Broken answer", message)
    }

    /// The route leads to where the edge doesn't connect.
    pub fn forbidden() -> Self {
        let message = "This address leads to a place that is not served.";
        Self::new(Code::UpstreamForbidden, "Not served", message)
    }

    /// Too many connections into the port, into its space, or in all are open.
    pub fn busy() -> Self {
        Self {
            retry_after_seconds: Some(1),
            ..Self::new(
                Code::UpstreamBusy,
                "Busy",
                "Too many visitors are here at the moment.",
            )
        }
    }

    /// The status it is sent with.
    pub const fn status(&self) -> StatusCode {
        self.code.status()
    }

    fn json(&self, request_id: &str) -> serde_json::Value {
        let mut json = serde_json::json!({
            "code": self.code.as_str(), "message": self.message, "requestId": request_id,
        });
        if let Some(link) = &self.link {
            json["url"] = link.url.as_str().into();
        }
        json
    }

    /// The answer to a gRPC call: no body, and a status that its client shows. By HTTP it is a
    /// success, as many clients don't look for the status elsewhere.
    pub fn end_call(&self, request_id: &HeaderValue) -> Response<Bytes> {
        let id = request_id.to_str().unwrap_or_default();
        let message = format!("{}: {} (request {id})", self.code.as_str(), self.message);
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(grpc::MEDIA_TYPE));
        headers.insert(grpc::GRPC_STATUS, grpc::status(self.status()).into());
        headers.insert(grpc::GRPC_MESSAGE, grpc::message(&message));
        headers.insert(
            X_SPACEPORT_ERROR,
            HeaderValue::from_static(self.code.as_str()),
        );
        headers.insert(X_REQUEST_ID, request_id.clone());
        response
    }

    /// The answer in the form that a request with the field `accept` wants.
    pub fn render(
        &self,
        accept: Option<&HeaderValue>,
        request_id: &HeaderValue,
    ) -> Response<Bytes> {
        let id = request_id.to_str().unwrap_or_default();
        let form = Form::accepted(accept);
        let body = match form {
            Form::Html => page::html(self, id),
            Form::Json => self.json(id).to_string(),
            Form::Plain => format!("{}: {} (request {id})\n", self.code.as_str(), self.message),
        };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        for (name, value) in [
            (CONTENT_TYPE, form.content_type()),
            (CACHE_CONTROL, "no-store"),
            (CONTENT_SECURITY_POLICY, page::CONTENT_SECURITY),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (X_SPACEPORT_ERROR, self.code.as_str()),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
        headers.insert(X_REQUEST_ID, request_id.clone());
        if self.fresh_site {
            headers.insert(CLEAR_SITE_DATA, fresh_site());
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// All that pages and workers have kept. Not the cookies: a browser would forget those of the whole
/// domain.
pub const fn fresh_site() -> HeaderValue {
    HeaderValue::from_static("\"cache\", \"storage\"")
}

/// Sends a browser elsewhere, by a request without a body (RFC 9110 §15.4.4).
pub fn see_other(location: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(LOCATION, location);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A page that goes on to `url` by itself. A redirect would still be a request of whoever led here;
/// this is one of the page's own origin.
pub fn go_on(url: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(page::onward(url)));
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, Form::Html.content_type()),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, page::CONTENT_SECURITY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Tells a program something.
pub fn json(text: Bytes) -> Response<Bytes> {
    let mut response = Response::new(text);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
