//! Starting the space of an app that somebody wanted to open.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use spaceport_domain::{
    destination::Destination,
    lifecycle::{Request as Wish, Status},
    problem::Problem,
    space::Space,
    spelling,
    ticket::{SIGN_IN_PATH, START_PATH},
};

use super::{
    Pages, Wanted,
    form::{self, Sent},
    html::{self, Page},
    see_other,
    sign_in::footer,
    with_destination,
};
use crate::app::{AppError, AppResult, sign_in::SignedIn};

/// Shows who manages the space of an app how it is.
pub(super) async fn show(
    State(pages): State<Arc<Pages>>,
    Wanted(to): Wanted,
    headers: HeaderMap,
) -> Response {
    match pages.managed(&headers, &to).await {
        Ok(Managed::Space(signed_in, space)) => pages.show(ask(&signed_in, &space, &to, &[])),
        Ok(Managed::Nothing(signed_in)) => pages.show(nothing(&signed_in, &to)),
        Ok(Managed::Unknown) => see_other(&with_destination(SIGN_IN_PATH, &to)),
        Err(error) => pages.failed(error),
    }
}

/// Starts the space.
pub(super) async fn submit(
    State(pages): State<Arc<Pages>>,
    Wanted(to): Wanted,
    Sent {
        origin, headers, ..
    }: Sent,
) -> Response {
    let (signed_in, space) = match pages.managed(&headers, &to).await {
        Ok(Managed::Space(signed_in, space)) => (signed_in, space),
        Ok(Managed::Nothing(signed_in)) => return pages.show(nothing(&signed_in, &to)),
        Ok(Managed::Unknown) => return see_other(&with_destination(SIGN_IN_PATH, &to)),
        Err(error) => return pages.failed(error),
    };
    let id = space.id.to_string();
    let asked = pages
        .app
        .request(&signed_in.actor, &origin, &id, Wish::Start);
    match asked.await {
        // The edge shows how it gets on, and then the app. With a code it looks only once it knows
        // that the space was started.
        Ok(_) => {
            let sent = pages.send_on(&signed_in, &origin, &to).await;
            sent.unwrap_or_else(|error| pages.failed(error))
        }
        Err(AppError::Refused(problems)) => pages.show(ask(&signed_in, &space, &to, &problems)),
        Err(error) => pages.failed(error),
    }
}

/// Who asks, and for what of theirs to manage.
enum Managed {
    /// Nobody known.
    Unknown,
    /// Somebody, for nothing that they manage.
    Nothing(SignedIn),
    /// Who manages this space.
    Space(SignedIn, Box<Space>),
}

impl Pages {
    async fn managed(&self, headers: &HeaderMap, to: &Destination) -> AppResult<Managed> {
        let Some(signed_in) = self.signed_in(headers).await? else {
            return Ok(Managed::Unknown);
        };
        let Some(label) = to.app(&self.app.settings.app_domain) else {
            return Ok(Managed::Nothing(signed_in));
        };
        let (actor, owner) = (&signed_in.actor, label.owner.as_str());
        let found = self
            .app
            .space_by_name(actor, Some(owner), label.space.as_str());
        let found = found.await?.filter(|space| actor.manages(space.owner_id));
        Ok(match found {
            Some(space) => Managed::Space(signed_in, Box::new(space)),
            None => Managed::Nothing(signed_in),
        })
    }
}

/// The same for what doesn't exist, what may not be seen, and what somebody else manages.
fn nothing(signed_in: &SignedIn, to: &Destination) -> Page {
    let body =
        html::text("There is no space of yours to start here.") + &footer(signed_in, Some(to));
    Page::new(StatusCode::NOT_FOUND, "Not found", body)
}

fn ask(signed_in: &SignedIn, space: &Space, to: &Destination, problems: &[Problem]) -> Page {
    let (status, told) = if problems.is_empty() {
        (StatusCode::OK, String::new())
    } else {
        (form::status(problems), html::problems(problems))
    };
    let act = match space.state.status {
        Status::Running => format!(
            "<a class=\"button\" href=\"{}\">Open</a>",
            spelling::html(to.url())
        ),
        Status::Deleting | Status::Deleted => String::new(),
        _ => format!(
            "<form method=\"post\" action=\"{}\"><button>Start</button></form>",
            spelling::html(&with_destination(START_PATH, to))
        ),
    };
    let body = format!(
        "<p>The space <strong>{name}</strong> is <strong>{status}</strong>.</p>{told}{act}{footer}",
        name = spelling::html(space.name.as_str()),
        status = space.state.status.as_str().to_lowercase(),
        footer = footer(signed_in, Some(to)),
    );
    Page::new(status, "Start a space", body).retry_after(form::retry_after(problems))
}
