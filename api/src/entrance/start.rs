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
    ticket::START_PATH,
};

use super::{
    Pages, Wanted,
    form::{self, Sent},
    html::{self, Page},
    sign_in::{self, footer, with_cookie},
    with_destination,
};
use crate::app::{AppError, AppResult, Origin, sign_in::SignedIn};

/// Shows who manages the space of an app how it is, and asks everybody else who they are.
pub(super) async fn show(
    State(pages): State<Arc<Pages>>,
    Wanted(to): Wanted,
    headers: HeaderMap,
) -> Response {
    let page = match pages.signed_in(&headers).await {
        Ok(Some(signed_in)) => pages.offer(&signed_in, &to).await,
        Ok(None) => Ok(who(&to, "", &[])),
        Err(error) => Err(error),
    };
    page.map_or_else(|error| pages.failed(error), |page| pages.show(page))
}

/// Starts the space. Who is asked who they are there needn't ask for it once more.
pub(super) async fn submit(
    State(pages): State<Arc<Pages>>,
    Wanted(to): Wanted,
    sent: Sent,
) -> Response {
    let started = match pages.signed_in(&sent.headers).await {
        Ok(Some(signed_in)) => pages.start(&signed_in, &sent.origin, &to).await,
        Ok(None) => pages.enter_and_start(&sent, &to).await,
        Err(error) => Err(error),
    };
    started.unwrap_or_else(|error| pages.failed(error))
}

impl Pages {
    async fn offer(&self, signed_in: &SignedIn, to: &Destination) -> AppResult<Page> {
        let space = self.managed(signed_in, to).await?;
        Ok(space.map_or_else(
            || nothing(signed_in, to),
            |space| ask(signed_in, &space, to, &[]),
        ))
    }

    async fn start(
        &self,
        signed_in: &SignedIn,
        origin: &Origin,
        to: &Destination,
    ) -> AppResult<Response> {
        let Some(space) = self.managed(signed_in, to).await? else {
            return Ok(self.show(nothing(signed_in, to)));
        };
        let (actor, id) = (&signed_in.actor, space.id.to_string());
        match self.app.request(actor, origin, &id, Wish::Start).await {
            // The edge shows how it gets on, and then the app. With a code it looks only once it
            // knows that the space was started.
            Ok(_) => self.send_on(signed_in, origin, to).await,
            Err(AppError::Refused(problems)) => {
                Ok(self.show(ask(signed_in, &space, to, &problems)))
            }
            Err(error) => Err(error),
        }
    }

    async fn enter_and_start(&self, sent: &Sent, to: &Destination) -> AppResult<Response> {
        let (name, password) = (sent.form.field("userName"), sent.form.field("password"));
        if name.is_empty() {
            // Their sign-in has ended since the page was shown.
            return Ok(self.show(who(to, "", &[])));
        }
        match self.begin(&sent.origin, &name, password).await {
            Ok((signed_in, cookie)) => {
                let response = self.start(&signed_in, &sent.origin, to).await?;
                Ok(with_cookie(response, cookie))
            }
            Err(AppError::Refused(problems)) => Ok(self.show(who(to, &name, &problems))),
            Err(error) => Err(error),
        }
    }

    /// The space of an app, if it is for them to manage.
    async fn managed(&self, signed_in: &SignedIn, to: &Destination) -> AppResult<Option<Space>> {
        let Some(label) = to.app(&self.app.settings.app_domain) else {
            return Ok(None);
        };
        let (actor, owner) = (&signed_in.actor, label.owner.as_str());
        let found = self
            .app
            .space_by_name(actor, Some(owner), label.space.as_str());
        Ok(found.await?.filter(|space| actor.manages(space.owner_id)))
    }
}

/// The form for who isn't known yet, and why it is shown again.
fn who(to: &Destination, name: &str, problems: &[Problem]) -> Page {
    sign_in::ask("To start the space of", START_PATH, to, name, problems)
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
