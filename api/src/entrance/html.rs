//! How the pages look, and what browsers are told to let them do.

use std::{fmt::Write as _, time::Duration};

use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use spaceport_domain::{problem::Problem, quota::Resource, spelling};

use crate::settings::Settings;

/// The pages' only style.
const STYLE: &str = ":root{color-scheme:light dark}\
body{margin:0;min-height:100vh;display:grid;place-items:center;font:16px/1.5 system-ui,sans-serif;\
background:Canvas;color:CanvasText}\
main{box-sizing:border-box;width:100%;max-width:26rem;padding:2rem}\
h1{font-size:1.5rem;margin:0 0 .5rem}\
p{margin:.5rem 0}\
form{margin:1rem 0 0}\
label{display:block;margin:.75rem 0 .25rem}\
input{box-sizing:border-box;width:100%;font:inherit;padding:.5rem;border:1px solid GrayText;\
border-radius:.375rem;background:Field;color:FieldText}\
button,.button{font:inherit;margin-top:1rem;padding:.5rem 1rem;border:1px solid transparent;\
border-radius:.375rem;background:light-dark(#1d4ed8,#93c5fd);color:light-dark(#fff,#0b1220);\
cursor:pointer;text-decoration:none;display:inline-block}\
button.quiet{margin:0;padding:0;border:0;background:none;color:LinkText;text-decoration:underline}\
:focus-visible{outline:3px solid light-dark(#1d4ed8,#93c5fd);outline-offset:2px}\
[role=alert]{border-left:4px solid light-dark(#b91c1c,#fca5a5);padding:.25rem .75rem}\
code{overflow-wrap:anywhere}\
footer{margin-top:2rem;font-size:.9rem}\
footer form{display:inline;margin:0}";

/// A page that is to be shown.
pub(super) struct Page {
    status: StatusCode,
    title: &'static str,
    body: String,
    retry_after: Option<Duration>,
    form_leads_to: Option<String>,
}

impl Page {
    /// A page whose `body` is HTML.
    pub(super) fn new(status: StatusCode, title: &'static str, body: String) -> Self {
        Self {
            status,
            title,
            body,
            retry_after: None,
            form_leads_to: None,
        }
    }

    /// The same page, whose forms may also end at this origin.
    pub(super) fn form_leads_to(self, origin: String) -> Self {
        Self {
            form_leads_to: Some(origin),
            ..self
        }
    }

    /// The same page, which says after how long another attempt may succeed.
    pub(super) fn retry_after(self, retry_after: Option<Duration>) -> Self {
        Self {
            retry_after,
            ..self
        }
    }

    /// The answer that shows it.
    pub(super) fn respond(self, settings: &Settings) -> Response {
        let Self {
            title,
            body,
            status,
            ..
        } = self;
        let security = content_security(settings, self.form_leads_to.as_deref());
        let document = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
             <title>{title} · Spaceport</title><style>{STYLE}</style></head>\
             <body><main><h1>{title}</h1>{body}</main></body></html>\n"
        );
        let headers = [
            (header::CACHE_CONTROL, "no-store".to_owned()),
            (header::CONTENT_SECURITY_POLICY, security),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
            // With `no-referrer`, browsers would say nothing of their origin in forms either.
            (header::REFERRER_POLICY, "same-origin".to_owned()),
        ];
        let retry_after = self.retry_after.map(|wait| {
            let seconds = wait.as_millis().div_ceil(1000);
            [(header::RETRY_AFTER, seconds.to_string())]
        });
        (status, headers, retry_after, Html(document)).into_response()
    }
}

/// Nothing but the style above and forms to these pages. A form may end in an app, and browsers
/// hold redirects behind a form to this too (CSP3 §6.4.1, as Chromium reads it).
fn content_security(settings: &Settings, form_leads_to: Option<&str>) -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let apps = settings.edge_url(&format!("*.{}", settings.app_domain));
    let apps = apps.trim_end_matches('/');
    let more = form_leads_to.map(|it| format!(" {it}")).unwrap_or_default();
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; \
         form-action 'self' {apps}{more}; frame-ancestors 'none'"
    )
}

/// A paragraph.
pub(super) fn text(text: &str) -> String {
    format!("<p>{}</p>", spelling::html(text))
}

/// What went wrong, read out at once by those who don't see it.
pub(super) fn problems(problems: &[Problem]) -> String {
    let mut html = String::from("<div role=\"alert\">");
    for problem in problems {
        let message = match &problem.exceeded {
            Some(exceeded) => format!("{}: {}", lacking(exceeded.resource), problem.message),
            None => problem.message.clone(),
        };
        // Writing to a string doesn't fail.
        let _ = write!(html, "<p>{}</p>", spelling::html(&sentence(&message)));
    }
    html + "</div>"
}

/// What there is too little of.
fn lacking(resource: Resource) -> &'static str {
    match resource {
        Resource::Spaces => "spaces are limited",
        Resource::ComputeUnits => "compute units are limited",
        Resource::StorageUnits => "storage units are limited",
        Resource::Tunnels => "tunnels are limited",
    }
}

/// A message of a problem begins in lower case and has no full stop.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let problem = Problem::not_found("<b>");
        assert_eq!(
            problems(&[problem]),
            "<div role=\"alert\"><p>There is no such &lt;b&gt;.</p></div>"
        );
    }
}
