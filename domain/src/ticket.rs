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
//! sign-in that rests, for one hostname of one space: a hostname may become that of another space. What
//! they may do there is not in it: the edge judges every request by what it knows of the space and the
//! person at that moment.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    event::{Cursor, SignIn},
    id::{SpaceId, UserId},
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
    /// The space that had the hostname when it was made, of those that they may know of. It is a way
    /// into no other; `None` is one into nothing, and tells nobody whether there was a space.
    #[serde(default)]
    pub space: Option<SpaceId>,
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

impl Ticket {
    /// Whether it is for this space.
    pub fn is_for(&self, space: SpaceId) -> bool {
        self.space == Some(space)
    }
}

/// The identifier of a sign-in in tickets and in what the edge is told of people.
pub fn sign_in_id(sign_in: SignIn) -> String {
    match sign_in {
        SignIn::Session(id) => id.to_string(),
        SignIn::ApiToken(id) => id.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_ticket_is_for_one_space_and_one_without_is_for_none() {
        let [one, other] = [1, 2].map(|n| SpaceId::new(Uuid::from_u128(n)));
        let text = |space: &str| {
            format!(
                r#"{{"aud":"{AUDIENCE}","sub":"{}","sid":"session_1","host":"8000--lab--ada.x"{space},
                "scopes":[],"as_of":1,"iat":0,"exp":1}}"#,
                UserId::new(Uuid::from_u128(3))
            )
        };
        let read = |space: &str| serde_json::from_str::<Ticket>(&text(space)).expect("a ticket");
        let ticket = read(&format!(r#","space":"{one}""#));
        assert!(ticket.is_for(one) && !ticket.is_for(other));
        // As they were made before they said so.
        let without = read("");
        assert!(!without.is_for(one) && !without.is_for(other));
    }
}
