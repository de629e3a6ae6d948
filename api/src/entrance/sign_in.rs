//! Signing a browser in on its way to an app, and out again.

use std::sync::Arc;

use axum::{
    extract::{RawQuery, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
};
use spaceport_domain::{
    destination::Destination, problem::Problem, spelling, ticket::SIGN_IN_PATH,
};

use super::{
    Pages, SIGN_OUT_PATH, Wanted,
    form::{self, Sent},
    html::{self, Page},
    see_other, with_destination,
};
use crate::app::{AppError, AppResult, Origin, sign_in::SignedIn};

/// Sends who is known on to the app, and asks everybody else who they are.
///
/// A page of an app may be of this page's site, so that what it loads from here comes with the
/// cookie: a code is made only for a browser that shows the answer as a page.
pub(super) async fn show(
    State(pages): State<Arc<Pages>>,
    Wanted(to): Wanted,
    request: Request,
) -> Response {
    if !form::is_navigation(request.headers()) {
        return pages.show(lead_on(&to));
    }
    match pages.signed_in(request.headers()).await {
        Ok(Some(signed_in)) => {
            let origin = form::origin(&request);
            let sent = pages.send_on(&signed_in, &origin, &to).await;
            sent.unwrap_or_else(|error| pages.failed(error))
        }
        Ok(None) => pages.show(who(&to, "", &[])),
        Err(error) => pages.failed(error),
    }
}

/// Takes a name and a password.
pub(super) async fn submit(
    State(pages): State<Arc<Pages>>,
    Wanted(to): Wanted,
    sent: Sent,
) -> Response {
    let (name, password) = (sent.form.field("userName"), sent.form.field("password"));
    match pages.enter(&sent.origin, &name, password, &to).await {
        Ok(response) => response,
        Err(AppError::Refused(problems)) => pages.show(who(&to, &name, &problems)),
        Err(error) => pages.failed(error),
    }
}

/// Says who is signed in, and lets them sign out.
pub(super) async fn account(State(pages): State<Arc<Pages>>, headers: HeaderMap) -> Response {
    match pages.signed_in(&headers).await {
        Ok(Some(signed_in)) => {
            let body = footer(&signed_in, None);
            pages.show(Page::new(StatusCode::OK, "Your sign-in", body))
        }
        Ok(None) => pages.show(signed_out()),
        Err(error) => pages.failed(error),
    }
}

/// Ends the browser's sign-in, and with it what it opened.
pub(super) async fn sign_out(
    State(pages): State<Arc<Pages>>,
    RawQuery(query): RawQuery,
    sent: Sent,
) -> Response {
    let ended = async {
        if let Some(signed_in) = pages.signed_in(&sent.headers).await? {
            pages.app.sign_out(&sent.origin, &signed_in).await?;
        }
        AppResult::Ok(())
    };
    if let Err(error) = ended.await {
        return pages.failed(error);
    }
    let response = match pages.destination(query.as_deref()) {
        Ok(to) => see_other(&with_destination(SIGN_IN_PATH, &to)),
        Err(_) => pages.show(signed_out()),
    };
    with_cookie(response, pages.cookie.clear())
}

impl Pages {
    async fn enter(
        &self,
        origin: &Origin,
        name: &str,
        password: String,
        to: &Destination,
    ) -> AppResult<Response> {
        let (signed_in, cookie) = self.begin(origin, name, password).await?;
        let response = self.send_on(&signed_in, origin, to).await?;
        Ok(with_cookie(response, cookie))
    }

    /// Signs a browser in; with the cookie by which it is known from then on.
    pub(super) async fn begin(
        &self,
        origin: &Origin,
        name: &str,
        password: String,
    ) -> AppResult<(SignedIn, String)> {
        let (token, _) = self.app.sign_in(origin, name, password).await?;
        let signed_in = self.app.authenticate(&token).await?;
        let signed_in = signed_in.ok_or_else(|| Problem::not_found("user"))?;
        let value = self.app.browser_cookie(&signed_in)?;
        let life = signed_in
            .expires_at
            .map(|end| end.since(self.app.clock.now()));
        let cookie = self
            .cookie
            .set(&value.unwrap_or_default(), life.unwrap_or_default());
        Ok((signed_in, cookie))
    }

    /// To the app, with a code for its host.
    pub(super) async fn send_on(
        &self,
        signed_in: &SignedIn,
        origin: &Origin,
        to: &Destination,
    ) -> AppResult<Response> {
        let url = self.app.way_in(signed_in, origin, to).await?;
        let headers = [
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "no-referrer"),
        ];
        Ok((headers, see_other(&url)).into_response())
    }
}

pub(super) fn with_cookie(response: Response, cookie: String) -> Response {
    (AppendHeaders([(header::SET_COOKIE, cookie)]), response).into_response()
}

/// Who is signed in, and a way out.
pub(super) fn footer(signed_in: &SignedIn, to: Option<&Destination>) -> String {
    let action = to.map_or_else(
        || SIGN_OUT_PATH.to_owned(),
        |to| with_destination(SIGN_OUT_PATH, to),
    );
    format!(
        "<footer>Signed in as <strong>{name}</strong> · <form method=\"post\" action=\"{action}\">\
         <button class=\"quiet\">Sign out</button></form></footer>",
        name = spelling::html(&signed_in.actor.user_name),
        action = spelling::html(&action),
    )
}

/// What a frame shows, or a page loads, in the place of a way to the app.
fn lead_on(to: &Destination) -> Page {
    let body = format!(
        "<p>An app is opened from a page of its own.</p>\
         <a class=\"button\" href=\"{url}\" target=\"_top\">Go on</a>",
        url = spelling::html(&with_destination(SIGN_IN_PATH, to)),
    );
    Page::new(StatusCode::FORBIDDEN, "Open this by itself", body)
}

fn signed_out() -> Page {
    let body = html::text("Nobody is signed in with this browser.");
    Page::new(StatusCode::OK, "Signed out", body)
}

fn who(to: &Destination, name: &str, problems: &[Problem]) -> Page {
    ask("To open", SIGN_IN_PATH, to, name, problems)
}

/// The form, what for and to where it is sent, and why it is shown again.
pub(super) fn ask(
    purpose: &str,
    path: &str,
    to: &Destination,
    name: &str,
    problems: &[Problem],
) -> Page {
    let (status, told) = if problems.is_empty() {
        (StatusCode::OK, String::new())
    } else {
        (form::status(problems), html::problems(problems))
    };
    let body = format!(
        "<p>{purpose} <code>{host}</code></p>{told}\
         <form method=\"post\" action=\"{action}\">{fields}</form>",
        host = spelling::html(to.host()),
        action = spelling::html(&with_destination(path, to)),
        fields = fields(name),
    );
    Page::new(status, "Sign in", body).retry_after(form::retry_after(problems))
}

/// What a sign-in takes, with the name that was given before.
pub(super) fn fields(name: &str) -> String {
    format!(
        "<label for=\"user-name\">User name</label>\
         <input id=\"user-name\" name=\"userName\" value=\"{name}\" autocomplete=\"username\" \
         autocapitalize=\"none\" spellcheck=\"false\" required autofocus>\
         <label for=\"password\">Password</label>\
         <input id=\"password\" name=\"password\" type=\"password\" \
         autocomplete=\"current-password\" required>\
         <button>Sign in</button>",
        name = spelling::html(name),
    )
}
