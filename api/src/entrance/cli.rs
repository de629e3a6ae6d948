//! Signing a command line in: `spaceport login` sends its user's browser here.
//!
//! What asks may be any program that made a link, so nothing is given without a press of the button,
//! and what is given goes to a port of the browser's own machine alone.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, State},
    http::{HeaderMap, StatusCode, request::Parts},
    response::Response,
};
use spaceport_domain::{problem::Problem, spelling};

use super::{
    Pages,
    form::{self, Sent},
    html::{self, Page},
    see_other,
    sign_in::{fields, footer, with_cookie},
};
use crate::app::{AppError, AppResult, Origin, cli_sign_in::Challenge};

/// Where a command line sends its user's browser.
pub(super) const CLI_SIGN_IN_PATH: &str = "/cli/sign-in";
/// The longest text by which a command line knows its own request again.
const STATE_CHARACTERS_MAX: usize = 128;

/// What a command line asks for.
pub(super) struct Asked {
    /// Where it listens, on the browser's own machine.
    port: u16,
    /// By what it knows the answer again.
    state: String,
    challenge: Challenge,
}

impl FromRequestParts<Arc<Pages>> for Asked {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, pages: &Arc<Pages>) -> Result<Self, Response> {
        Self::read(parts.uri.query()).ok_or_else(|| pages.no_command_line())
    }
}

impl Asked {
    /// Reads a query; `None` for anything that a command line doesn't ask.
    fn read(query: Option<&str>) -> Option<Self> {
        let query = query.unwrap_or_default().as_bytes();
        let port = form::only(query, "port")?.parse().ok()?;
        let state = form::only(query, "state")?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_state = (1..=STATE_CHARACTERS_MAX).contains(&state.len());
        if port == 0 || !is_state || !state.bytes().all(is_plain) {
            return None;
        }
        let challenge = Challenge::parse(&form::only(query, "challenge")?)?;
        Some(Self {
            port,
            state,
            challenge,
        })
    }

    /// This page's own address.
    fn here(&self) -> String {
        let Self {
            port,
            state,
            challenge,
        } = self;
        let challenge = challenge.as_str();
        format!("{CLI_SIGN_IN_PATH}?port={port}&state={state}&challenge={challenge}")
    }

    /// The origin of the command line: of this machine by its address, so that no name can lead
    /// elsewhere (RFC 8252 §8.3).
    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where the command line is told.
    fn tell(&self, name: &str, value: &str) -> Response {
        let (origin, state) = (self.origin(), &self.state);
        see_other(&format!("{origin}/?state={state}&{name}={value}"))
    }
}

/// Asks who uses the browser, and then whether they mean it.
pub(super) async fn show(
    State(pages): State<Arc<Pages>>,
    asked: Asked,
    headers: HeaderMap,
) -> Response {
    match pages.signed_in(&headers).await {
        Ok(Some(signed_in)) => {
            let body = confirm(&asked) + &footer(&signed_in, None);
            let page = Page::new(StatusCode::OK, "Sign in the command line?", body);
            pages.show(page.form_leads_to(asked.origin()))
        }
        Ok(None) => pages.show(ask(&asked, "", &[])),
        Err(error) => pages.failed(error),
    }
}

/// Takes a name and a password, or the answer to the question.
pub(super) async fn submit(
    State(pages): State<Arc<Pages>>,
    asked: Asked,
    Sent {
        origin,
        headers,
        form,
    }: Sent,
) -> Response {
    let answered = match form.field("answer").as_str() {
        "" => {
            let name = form.field("userName");
            let entered = pages.enter_cli(&origin, &name, form.field("password"), &asked);
            match entered.await {
                Err(AppError::Refused(problems)) => {
                    return pages.show(ask(&asked, &name, &problems));
                }
                entered => entered,
            }
        }
        "yes" => match pages.signed_in(&headers).await {
            Ok(Some(signed_in)) => {
                let code = pages.app.issue_cli_code(&signed_in, &asked.challenge);
                // A code is base64url, of which every character stands for itself in a query.
                code.await.map(|code| asked.tell("code", &code))
            }
            // The sign-in ended meanwhile: ask again who it is.
            Ok(None) => Ok(see_other(&asked.here())),
            Err(error) => Err(error),
        },
        _ => Ok(asked.tell("error", "denied")),
    };
    answered.unwrap_or_else(|error| pages.failed(error))
}

impl Pages {
    async fn enter_cli(
        &self,
        origin: &Origin,
        name: &str,
        password: String,
        asked: &Asked,
    ) -> AppResult<Response> {
        let (_, cookie) = self.begin(origin, name, password).await?;
        Ok(with_cookie(see_other(&asked.here()), cookie))
    }

    fn no_command_line(&self) -> Response {
        self.show(Page::new(
            StatusCode::BAD_REQUEST,
            "This link leads nowhere",
            html::text("No command line asks for this. Run `spaceport login` again."),
        ))
    }
}

fn confirm(asked: &Asked) -> String {
    format!(
        "<p>A program on this computer asks to act in your name, with everything that you may \
         do. Go on only if you have just run <code>spaceport login</code> yourself.</p>\
         <form method=\"post\" action=\"{action}\">\
         <button name=\"answer\" value=\"yes\">Sign in the command line</button> \
         <button class=\"quiet\" name=\"answer\" value=\"no\">No</button></form>",
        action = spelling::html(&asked.here()),
    )
}

/// The form, and why it is shown again.
fn ask(asked: &Asked, name: &str, problems: &[Problem]) -> Page {
    let (status, told) = if problems.is_empty() {
        (StatusCode::OK, String::new())
    } else {
        (form::status(problems), html::problems(problems))
    };
    let body = format!(
        "<p>To sign in the command line on this computer</p>{told}\
         <form method=\"post\" action=\"{action}\">{fields}</form>",
        action = spelling::html(&asked.here()),
        fields = fields(name),
    );
    Page::new(status, "Sign in", body).retry_after(form::retry_after(problems))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_command_line_asks_is_answered() {
        let challenge = "x".repeat(43);
        let read = |query: &str| Asked::read(Some(&query.replace('*', &challenge)));
        let asked = read("port=4711&state=a_b-c&challenge=*").expect("asked");
        assert_eq!(
            asked.here(),
            format!("/cli/sign-in?port=4711&state=a_b-c&challenge={challenge}")
        );
        assert_eq!(asked.origin(), "http://127.0.0.1:4711");
        for bad in [
            "",
            "port=0&state=a&challenge=*",
            "port=65536&state=a&challenge=*",
            "port=4711%40evil.example&state=a&challenge=*",
            "port=4711&port=1&state=a&challenge=*",
            "port=4711&state=&challenge=*",
            "port=4711&state=a%0d%0aLocation:&challenge=*",
            "port=4711&state=a%26code=x&challenge=*",
            "port=4711&state=a&challenge=*x",
            "port=4711&state=a",
        ] {
            assert!(read(bad).is_none(), "{bad}");
        }
    }
}
