//! Who enters an app.
//!
//! ```text
//! app host ──▶ ticket? ──no──▶ a page: to the API, which knows who it is, and back with a code
//!                │                else: 401
//!                ▼ yes
//!         asked by a page of another space? ──▶ 403
//!                ▼ no
//!         does the app exist, and may they? ──no──▶ 404, the same for both
//!                ▼ yes
//!         is the ticket for this space? ──no──▶ as without one
//!                ▼ yes
//!             the space
//! ```
//!
//! A ticket says who somebody is, and for which space: its host may be another's by now. What they may
//! do is judged for every request by what the route table says of the space and the person, so that
//! taking a right away takes effect with the table's next generation, also for what is already open
//! ([`crate::live`]).

mod cookie;
mod crossing;
mod enter;
mod redemptions;
mod ticket;

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Response, header::ACCEPT, request::Parts};
use spaceport_domain::{
    app::AppName,
    hostname::{self, SEPARATOR},
    route::SpaceRoutes,
    ticket::{ENTER_PATH, SIGN_IN_PATH, START_PATH, Ticket},
};

pub use self::{
    cookie::{guard as guard_cookies, strip as strip_cookies},
    ticket::{KeysError, TicketKeys, now},
};
use self::{crossing::Here, redemptions::Redemptions};
use crate::{
    api::Api,
    headers::{self, Requested},
    reply::{self, Answer},
    routes::{Endpoint, Routes, Table, Target, Via},
};

/// Judges who enters apps.
pub struct Gate {
    /// Below it are the hostnames of apps.
    pub domain: String,
    /// The API's public address, without a final slash.
    pub api_public_url: String,
    /// How long tickets are believed while the control plane isn't heard; `None`: until they end.
    pub offline: Option<Duration>,
    /// What proves tickets.
    pub keys: Arc<TicketKeys>,
    /// What redeems codes.
    pub api: Arc<Api>,
    /// What is known of spaces and people.
    pub routes: Arc<Routes>,
    redemptions: Redemptions,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

/// What becomes of a request for an app.
pub enum Admission {
    /// It goes into the space.
    Entered(Entry),
    /// The edge answers it.
    Answered(Response<Bytes>),
}

/// A request that may go into a space.
#[derive(Debug)]
pub struct Entry {
    /// Where it goes.
    pub target: Target,
    /// By whom it is.
    pub ticket: Arc<Ticket>,
    /// Where who asks may start the space, if they may.
    pub start_url: Option<String>,
}

impl Gate {
    /// A gate for apps below `domain`.
    pub fn new(
        domain: String,
        api_public_url: String,
        offline: Option<Duration>,
        keys: Arc<TicketKeys>,
        api: Arc<Api>,
        routes: Arc<Routes>,
    ) -> Self {
        Self {
            domain,
            api_public_url,
            offline,
            keys,
            api,
            routes,
            redemptions: Redemptions::default(),
        }
    }

    /// The label of `host`, when it is below the apps' domain.
    pub fn label<'a>(&self, host: &'a str) -> Option<&'a str> {
        hostname::label_below(host, &self.domain)
    }

    /// Decides about a request for the app host with `label`. Names that don't exist are asked to
    /// sign in too: nothing tells them apart from outside. `client` is the visitor's own address.
    pub async fn admit(
        &self,
        label: &str,
        requested: &Requested,
        request: &Parts,
        client: IpAddr,
    ) -> Result<Admission, Answer> {
        if request.uri.path() == ENTER_PATH {
            // Boxed, so that no other request carries what it may need.
            let entering = Box::pin(self.enter(label, requested, request, client));
            return entering.await.map(Admission::Answered);
        }
        self.judge(label, requested, request).map_err(|answer| {
            // A browser looks by itself whether there is a new version of a worker. One of a space
            // that isn't there any more goes, though it lets no other request through.
            let is_stray = is_worker(request) && !self.is_at_home(label, requested, request);
            if is_stray {
                answer.with_fresh_site()
            } else {
                answer
            }
        })
    }

    fn judge(
        &self,
        label: &str,
        requested: &Requested,
        request: &Parts,
    ) -> Result<Admission, Answer> {
        if is_reserved(request.uri.path()) {
            return Err(Answer::unknown_host());
        }
        let authority = requested.spelled.to_str().unwrap_or(&requested.host);
        if crossing::is_preflight(request) {
            // By their names alone: whether they exist is not told to whom nobody knows.
            let is_kin = |host: &str| {
                let space = |label: &str| label.split_once(SEPARATOR).map(|it| it.1.to_owned());
                !is_alone(label) && self.label(host).and_then(space) == space(label)
            };
            let here = Here {
                authority,
                is_kin: &is_kin,
            };
            let answer = crossing::answer_preflight(&request.headers, &here);
            return Ok(Admission::Answered(answer));
        }
        let table = self.routes.current();
        let Some(ticket) = self.proven(&table, &request.headers, &requested.host) else {
            return self
                .ask_to_sign_in(authority, request)
                .map(Admission::Answered);
        };
        let is_kin = |host: &str| self.is_kin(&table, label, host);
        let here = Here {
            authority,
            is_kin: &is_kin,
        };
        if !crossing::is_permitted(request, &here) {
            return Err(Answer::cross_origin());
        }
        // Who came in by somebody else's link finds their own way from here.
        let nothing = || {
            let again = self.api_url(SIGN_IN_PATH, &url_of(authority, request));
            Answer::unknown_host().with_sign_in(again)
        };
        let (app, space) = admitted(&table, label, &ticket).ok_or_else(nothing)?;
        if !ticket.is_for(space.space_id) {
            return self
                .ask_to_sign_in(authority, request)
                .map(Admission::Answered);
        }
        let is_editor = space.offer().app(app) == AppName::Code;
        if is_editor && request.uri.query().is_some() && crossing::is_from_elsewhere(request) {
            // It says what the editor opens and runs, which is not for a link to say.
            let url = format!("https://{authority}{}", request.uri.path());
            return Ok(Admission::Answered(reply::go_on(&url)));
        }
        let is_manager = table
            .person(ticket.sub)
            .is_some_and(|person| space.is_managed_by(person, &ticket.scopes));
        let start_url = is_manager.then(|| self.api_url(START_PATH, &url_of(authority, request)));
        Ok(Admission::Entered(Entry {
            target: Target {
                via: Via::App(app),
                endpoint: Endpoint::of(app, &space.ports),
                space: Arc::clone(space),
            },
            ticket,
            start_url,
        }))
    }

    /// Whether what was entered with `ticket` at the app host with `label` may go on, by what is
    /// known now: into which space it leads.
    pub fn still_admits<'a>(
        &self,
        table: &'a Table,
        label: &str,
        ticket: &Ticket,
    ) -> Option<&'a Arc<SpaceRoutes>> {
        let holds = ticket.exp > now() && self.holds(table, ticket);
        holds.then(|| of_ticket(table, label, ticket)).flatten()
    }

    /// Whether the browser that asks was let into the space that has the host with `label`: what it
    /// keeps for that host is this space's. It is a stranger's otherwise, and also for who may not
    /// enter any more: told apart by their old ticket they would learn whether the space is still there.
    fn is_at_home(&self, label: &str, requested: &Requested, request: &Parts) -> bool {
        let table = self.routes.current();
        cookie::tickets(&request.headers)
            .filter_map(|text| self.keys.read(text, &requested.host))
            .any(|ticket| of_ticket(&table, label, &ticket).is_some())
    }

    /// The ticket of a request, if it is one for this host and what it rests on still holds.
    fn proven(&self, table: &Table, headers: &HeaderMap, host: &str) -> Option<Arc<Ticket>> {
        cookie::tickets(headers)
            .filter_map(|text| self.keys.prove(text, host, now()))
            .find(|ticket| self.holds(table, ticket))
    }

    /// Whether the control plane has been heard not too long ago to believe what it said.
    pub fn is_heard(&self) -> bool {
        self.offline
            .is_none_or(|limit| self.routes.unheard_for() <= limit)
    }

    fn holds(&self, table: &Table, ticket: &Ticket) -> bool {
        let person = table.person(ticket.sub);
        self.is_heard() && person.is_some_and(|it| it.vouches_for(ticket, table.as_of()))
    }

    /// Whether a page of `host` may ask the app with `label`, as one of the same space's other apps.
    /// Identifiers are compared, not names: both hosts must lead to one space.
    fn is_kin(&self, table: &Table, label: &str, host: &str) -> bool {
        let other = self.label(host).and_then(|it| table.app(it));
        let (Some((app, space)), Some((_, other))) = (table.app(label), other) else {
            return false;
        };
        !space.offer().app(app).is_alone() && other.space_id == space.space_id
    }

    /// A page goes to the API and comes back; anything else is told what is missing.
    fn ask_to_sign_in(&self, authority: &str, request: &Parts) -> Result<Response<Bytes>, Answer> {
        let url = self.api_url(SIGN_IN_PATH, &url_of(authority, request));
        if is_page(request) {
            Ok(reply::see_other(&url))
        } else {
            Err(Answer::sign_in_required(url))
        }
    }

    /// A page of the API that takes the URL somebody wanted.
    fn api_url(&self, path: &str, to: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("to", to);
        format!("{}{path}?{}", self.api_public_url, query.finish())
    }
}

/// Whether the app with `label` answers its own pages alone, as far as its name tells.
fn is_alone(label: &str) -> bool {
    let app = label
        .split_once(SEPARATOR)
        .map(|it| it.0.parse::<AppName>());
    matches!(app, Some(Ok(app)) if app.is_alone())
}

/// The app with `label` and its space, when the holder of `ticket` may enter it.
fn admitted<'a>(
    table: &'a Table,
    label: &str,
    ticket: &Ticket,
) -> Option<(AppName, &'a Arc<SpaceRoutes>)> {
    let person = table.person(ticket.sub)?;
    let (app, space) = table.app(label)?;
    space
        .admits(app, person, &ticket.scopes)
        .then_some((app, space))
}

/// The space of the app with `label`, when `ticket` is for it and its holder may enter the app.
fn of_ticket<'a>(table: &'a Table, label: &str, ticket: &Ticket) -> Option<&'a Arc<SpaceRoutes>> {
    let (_, space) = admitted(table, label, ticket)?;
    ticket.is_for(space.space_id).then_some(space)
}

/// Whether a browser asks for the script of a service worker, a new one or one that it has.
fn is_worker(request: &Parts) -> bool {
    field(request, "service-worker") == Some("script")
}

/// Paths that are the edge's own on every host: no space is ever asked for them. A space that could
/// answer for the second one would get certificates for its hostnames (RFC 8555 §8.3).
pub fn is_reserved(path: &str) -> bool {
    path.starts_with("/.spaceport/") || headers::is_acme_challenge(path)
}

fn url_of(authority: &str, request: &Parts) -> String {
    let path = request.uri.path_and_query().map_or("/", |it| it.as_str());
    format!("https://{authority}{path}")
}

/// Whether a browser wants to show the answer as a page of its own.
fn is_page(request: &Parts) -> bool {
    let is_read = request.method == Method::GET || request.method == Method::HEAD;
    let wants_page = match field(request, "sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => field(request, ACCEPT.as_str()).is_some_and(|it| it.contains("text/html")),
    };
    is_read && wants_page
}

/// A field of a request, if it is text.
fn field<'a>(request: &'a Parts, name: &str) -> Option<&'a str> {
    let field = request.headers.get(name);
    field.and_then(|it| it.to_str().ok())
}
