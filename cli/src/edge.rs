//! The edge: how apps of spaces are entered, and what it says when it carries nothing.

use std::fmt::Write as _;

use http::{
    HeaderMap, HeaderName, Request, Response, StatusCode,
    header::{COOKIE, SET_COOKIE},
    uri::Authority,
};
use hyper::body::Incoming;
use serde::Deserialize;

use crate::{
    command::open,
    failure::{Failure, Kind},
    http::{self as client, Body},
    place::SpaceRef,
    session::Session,
    tickets::{Key, Ticket, Tickets},
};

/// Names the edge's reason for an answer of its own.
const ERROR: HeaderName = HeaderName::from_static("x-spaceport-error");
/// The longest answer that says why something is refused.
const REFUSAL_BYTES_MAX: usize = 64 << 10;

/// One app of one space.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// As whom it is entered.
    pub session: &'a Session,
    /// The space.
    pub space: SpaceRef,
    /// The app, as hostnames have it.
    pub app: String,
}

/// An entered app: where it is, and what it knows the visitor by.
#[derive(Clone, Debug)]
pub struct Entered {
    /// Its host and port.
    pub authority: Authority,
    /// The cookie.
    pub cookie: String,
}

impl<'a> Place<'a> {
    /// The app `app` of `space`.
    pub fn new(session: &'a Session, space: &SpaceRef, app: impl Into<String>) -> Self {
        Self {
            session,
            space: space.clone(),
            app: app.into(),
        }
    }

    /// Enters it: by a ticket of before, which may have ended, or by a new one.
    pub async fn enter(&self) -> Result<Entered, Failure> {
        let space = self.space.to_string();
        match Tickets::load().get(self.key(&space)) {
            Some(ticket) => entered(ticket),
            None => self.enter_anew().await,
        }
    }

    /// Enters it by a new ticket.
    pub async fn enter_anew(&self) -> Result<Entered, Failure> {
        let id = self.session.space(&self.space).await?.id;
        let url = open::url(self.session, &id, &self.app).await?;
        let request = Request::get(&url)
            .body(client::empty())
            .map_err(|error| Failure::refused("INVALID_URL", error.to_string()))?;
        let authority = request.uri().authority().cloned();
        let response = self.session.api.http.send(request).await?;
        let (Some(authority), Some(cookie)) = (authority, cookie(response.headers())) else {
            return Err(self.refusal(response).await);
        };
        let ticket = Ticket::new(authority.to_string(), cookie);
        let space = self.space.to_string();
        Tickets::keep(self.key(&space), &ticket);
        entered(&ticket)
    }

    /// The response to what `request` makes, entering anew where the ticket of before has ended.
    /// What it makes must have no body that can't be made again.
    pub async fn send(
        &self,
        request: impl Fn(&Entered) -> Result<Request<Body>, Failure>,
    ) -> Result<Response<Incoming>, Failure> {
        let entered = self.enter().await?;
        let response = self.session.api.http.send(request(&entered)?).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let entered = self.enter_anew().await?;
        self.session.api.http.send(request(&entered)?).await
    }

    /// The failure that a response tells of.
    pub async fn refusal(&self, response: Response<Incoming>) -> Failure {
        let (parts, body) = response.into_parts();
        let body = client::read_whole(body, REFUSAL_BYTES_MAX).await;
        self.told(parts.status, &parts.headers, &body.unwrap_or_default())
    }

    /// The same of a response that was read already.
    pub fn told(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        let code = headers.get(ERROR);
        let code = code.and_then(|it| it.to_str().ok()).map(str::to_owned);
        self.failure(status, code, serde_json::from_slice(body).ok())
    }

    fn failure(&self, status: StatusCode, code: Option<String>, told: Option<Told>) -> Failure {
        let (space, app) = (&self.space, &self.app);
        let told_code = told.as_ref().map(|it| it.code.clone());
        let message = told.map(|it| it.message);
        let code = code.or(told_code).unwrap_or_default();
        match code.as_str() {
            "SIGN_IN_REQUIRED" | "SIGN_IN_FAILED" => {
                Failure::not_signed_in(format!("{space} doesn't let you in any more"))
            }
            "UNKNOWN_HOST" => Failure::not_found(format!(
                "there is no {app} of {space}, or you may not use it"
            ))
            .hint("`spaceport space show` says which features can be used"),
            "SPACE_NOT_RUNNING" => {
                Failure::new(Kind::Unreachable, &code, format!("{space} doesn't run"))
                    .hint(format!("start it with `spaceport space start {space}`"))
            }
            "NOTHING_LISTENS" => Failure::new(
                Kind::Unreachable,
                &code,
                format!("nothing listens at {app} of {space}"),
            ),
            _ => {
                let mut text = message.unwrap_or_default();
                if text.is_empty() {
                    // Writing to a string can't fail.
                    let _ = write!(text, "{app} of {space} answered {status}");
                }
                let kind = match status {
                    StatusCode::NOT_FOUND => Kind::NotFound,
                    StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT => Kind::Unreachable,
                    _ => Kind::Refused,
                };
                Failure::new(kind, &code, text)
            }
        }
    }

    fn key<'b>(&'b self, space: &'b str) -> Key<'b> {
        Key {
            url: &self.session.api.url,
            token: self.session.api.token().unwrap_or_default(),
            space,
            app: &self.app,
        }
    }
}

/// Why something is refused, as edge and agent tell it.
#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Entered {
    /// The beginning of a request for `path_and_query`, on an HTTP/1.1 connection of the pool.
    pub fn request(
        &self,
        method: http::Method,
        path_and_query: &str,
    ) -> Result<http::request::Builder, Failure> {
        let uri = client::https(&self.authority, path_and_query)?;
        Ok(Request::builder()
            .method(method)
            .uri(uri)
            .header(COOKIE, &self.cookie)
            .header(http::header::ACCEPT, "application/json, */*;q=0.9"))
    }
}

fn entered(ticket: &Ticket) -> Result<Entered, Failure> {
    let authority = ticket.authority.parse();
    let authority = authority.map_err(|_| Failure::unreachable("the API named no host"))?;
    Ok(Entered {
        authority,
        cookie: ticket.cookie.clone(),
    })
}

/// The edge's cookie in a response: its name and value.
fn cookie(headers: &HeaderMap) -> Option<String> {
    let set = headers.get_all(SET_COOKIE).iter();
    let mut pairs = set.filter_map(|it| it.to_str().ok()?.split(';').next());
    let pair = pairs.find(|it| it.trim().starts_with("__Host-spaceport-"))?;
    Some(pair.trim().to_owned())
}
