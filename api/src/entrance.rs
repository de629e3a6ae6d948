//! The pages on a browser's way in: signing in on the way to an app, starting the space of one, and
//! signing a command line in.
//!
//! They know a browser by a cookie of this origin alone, which nothing else here looks at: GraphQL
//! is asked with a token that a page has to send itself, so that no foreign page can ask it with
//! somebody's cookie, and what the cookie holds is no such token. What changes something is a form,
//! sent from these pages themselves.

mod cli;
mod cookie;
mod form;
mod html;
mod sign_in;
mod start;

use std::sync::Arc;

use axum::{
    Router,
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, request::Parts},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use spaceport_domain::{
    destination::{Destination, DestinationError},
    ticket::{SIGN_IN_PATH, START_PATH},
};

use self::{cookie::Cookie, html::Page};
use crate::app::{App, AppError, AppResult, sign_in::SignedIn};

/// Where a browser is signed out.
const SIGN_OUT_PATH: &str = "/apps/sign-out";

/// What all pages share.
struct Pages {
    app: Arc<App>,
    cookie: Cookie,
}

/// The pages over `app`.
pub fn router(app: Arc<App>) -> Router {
    let public = &app.settings.api_public_url;
    let pages = Arc::new(Pages {
        cookie: Cookie::new(public.is_https()),
        app,
    });
    Router::new()
        .route(SIGN_IN_PATH, get(sign_in::show).post(sign_in::submit))
        .route(START_PATH, get(start::show).post(start::submit))
        .route(cli::CLI_SIGN_IN_PATH, get(cli::show).post(cli::submit))
        .route(SIGN_OUT_PATH, get(sign_in::account).post(sign_in::sign_out))
        .with_state(pages)
}

/// Where a browser wants to go.
struct Wanted(Destination);

impl FromRequestParts<Arc<Pages>> for Wanted {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, pages: &Arc<Pages>) -> Result<Self, Response> {
        let to = pages.destination(parts.uri.query());
        to.map(Self).map_err(|_| pages.nowhere())
    }
}

impl Pages {
    /// The one place that the parameter `to` of a query names.
    fn destination(&self, query: Option<&str>) -> Result<Destination, DestinationError> {
        let to = form::only(query.unwrap_or_default().as_bytes(), "to").ok_or(DestinationError)?;
        let settings = &self.app.settings;
        Destination::parse(&to, &settings.app_domain, settings.edge_public_port)
    }

    /// Who uses the browser, by its cookie.
    async fn signed_in(&self, headers: &HeaderMap) -> AppResult<Option<SignedIn>> {
        for value in self.cookie.values(headers) {
            let known = self.app.authenticate_browser(value).await?;
            if known.is_some() {
                return Ok(known);
            }
        }
        Ok(None)
    }

    fn show(&self, page: Page) -> Response {
        page.respond(&self.app.settings)
    }

    fn nowhere(&self) -> Response {
        self.show(Page::new(
            StatusCode::BAD_REQUEST,
            "This link leads nowhere",
            html::text(
                "It doesn't name the address of an app. Open the app's own address instead.",
            ),
        ))
    }

    fn foreign(&self) -> Response {
        self.show(Page::new(
            StatusCode::FORBIDDEN,
            "This was not sent from here",
            html::text("Go back, load the page again, and try once more."),
        ))
    }

    /// The page of what an action refuses, or fails with.
    fn failed(&self, error: AppError) -> Response {
        match error {
            AppError::Refused(problems) => {
                let status = form::status(&problems);
                let retry_after = form::retry_after(&problems);
                let title = "That is not possible now";
                let page = Page::new(status, title, html::problems(&problems));
                self.show(page.retry_after(retry_after))
            }
            AppError::Internal(cause) => {
                tracing::error!(error = %cause, "a page failed");
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                let body = html::text("Something is broken here. Try again later.");
                self.show(Page::new(status, "That failed", body))
            }
        }
    }
}

/// Leads on, also from a form.
fn see_other(url: &str) -> Response {
    Redirect::to(url).into_response()
}

/// A path of these pages with where the browser wants to go.
fn with_destination(path: &str, to: &Destination) -> String {
    let mut url = format!("{path}?to=");
    url.extend(form_urlencoded::byte_serialize(to.url().as_bytes()));
    url
}
