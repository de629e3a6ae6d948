//! The audit log.

use async_graphql::{ID, InputObject, Object};

use super::scalars::DateTime;
use crate::store;

/// Who did what to what, from where.
pub struct AuditEntry(pub store::AuditEntry);

/// Who did what to what, from where.
#[Object]
impl AuditEntry {
    /// The entry's global identifier.
    async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// When.
    async fn at(&self) -> DateTime {
        self.0.at.into()
    }

    /// The user who did it; absent when Spaceport did, and when nobody proved who they were.
    async fn actor_id(&self) -> Option<ID> {
        self.0.actor.map(|actor| ID(actor.to_string()))
    }

    /// The name of who did it, at the time. Of a failed sign-in, the name that was given, when there
    /// is such a user.
    async fn actor_name(&self) -> &str {
        &self.0.actor_name
    }

    /// What was done, as the mutation is named; `signInFailed` where a password was wrong. A
    /// mutation that is refused, or finds everything as it is asked for, leaves no entry.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// The global identifier of what it was done to.
    async fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The address it came from; empty when unknown.
    async fn address(&self) -> &str {
        &self.0.address
    }

    /// More, for a person.
    async fn detail(&self) -> &str {
        &self.0.detail
    }
}

/// Which entries of the audit log are wanted; all conditions hold together.
#[derive(InputObject, Default)]
pub struct AuditFilter {
    /// Only what this user did.
    pub actor_id: Option<ID>,
    /// Only this action.
    pub action: Option<String>,
    /// Only what was done to the thing with this global identifier.
    pub subject: Option<String>,
    /// Only what was done at this time or later.
    pub since: Option<DateTime>,
    /// Only what was done before this time.
    pub until: Option<DateTime>,
}
