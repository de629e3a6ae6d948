//! The proof with which a browser enters an app.
//!
//! ```text
//! browser ──▶ edge: no ticket ──▶ API: who are you? ──▶ one-time code ──▶ edge ──▶ API: ticket
//!                                                                          │
//!                                            cookie of this one host ◀─────┘
//! ```
//!
//! The control plane signs a ticket (a JWT, RFC 7519 and 8037) and the edge checks it alone, so that whoever has
//! entered goes on while the control plane is away. A ticket says who somebody is and on which
//! sign-in that rests, for one hostname. What they may do there is not in it: the edge judges every
//! request by what it knows of the space and the person at that moment.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    event::{Cursor, SignIn},
    id::UserId,
    scope::Scopes,
};

/// The audience of tickets: a sign-in token for the API is none.
pub const AUDIENCE: &str = "spaceport-edge";
/// How long a one-time code can be turned into a ticket.
pub const CODE_LIFE: Duration = Duration::from_mins(1);
/// The path at the edge, on every app's host, that takes a one-time code in the parameter `code`,
/// and where to go on in the parameter `to`: a path with its query.
pub const ENTER_PATH: &str = "/.spaceport/enter";
/// The path at the API that finds out who somebody is and sends them back with a one-time code. Its
/// parameter `to` is the URL they wanted.
pub const SIGN_IN_PATH: &str = "/apps/sign-in";
/// The path at the API where somebody starts the space of the app they wanted. Its parameter `to`
/// is the URL they wanted.
pub const START_PATH: &str = "/apps/start";

/// What a ticket says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// What it is for: [`AUDIENCE`].
    pub aud: String,
    /// Who somebody is.
    pub sub: UserId,
    /// The sign-in or token it rests on: it ends with that.
    pub sid: String,
    /// The one hostname it is good for, in lower case and without a port.
    pub host: String,
    /// What the sign-in may be used for.
    pub scopes: Scopes,
    /// Where the event log stood when it was made. Whoever has not read that far doesn't know yet
    /// of the sign-in it rests on.
    pub as_of: Cursor,
    /// When it was made, in seconds since the Unix epoch.
    pub iat: i64,
    /// When it ends, in seconds since the Unix epoch.
    pub exp: i64,
}

/// The identifier of a sign-in in tickets and in what the edge is told of people.
pub fn sign_in_id(sign_in: SignIn) -> String {
    match sign_in {
        SignIn::Session(id) => id.to_string(),
        SignIn::ApiToken(id) => id.to_string(),
    }
}
