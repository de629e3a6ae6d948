//! From where a request came, for the audit log.

use std::net::IpAddr;

use spaceport_domain::problem::Problem;

use crate::store::NewAuditEntry;

use super::Actor;

/// From where a request came.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The address of the caller, where it is known.
    pub address: Option<IpAddr>,
    /// What the caller's program calls itself.
    pub user_agent: Option<String>,
}

/// The most characters that are kept of what a program calls itself.
const USER_AGENT_MAX_CHARS: usize = 256;

impl Origin {
    /// From where a visitor of the edge came, who is not who asks: `address`, or what is known of
    /// the edge itself when it doesn't say.
    ///
    /// # Errors
    /// When `address` is no IP address.
    pub fn of_visitor(&self, address: Option<&str>) -> Result<Self, Problem> {
        let no_address = |_| Problem::input(["address"], "must be an IP address");
        Ok(Self {
            address: match address {
                Some(text) => Some(text.parse().map_err(no_address)?),
                None => self.address,
            },
            user_agent: None,
        })
    }

    /// An entry for the audit log: `actor` did `action` to `subject`.
    pub fn entry(
        &self,
        actor: &Actor,
        action: &'static str,
        subject: impl ToString,
        detail: impl Into<String>,
    ) -> NewAuditEntry {
        NewAuditEntry {
            actor: Some(actor.user_id),
            as_of: Some(actor.as_of),
            actor_name: actor.user_name.clone(),
            action,
            subject: subject.to_string(),
            address: self.address_text(),
            detail: detail.into(),
        }
    }

    /// What the caller's program calls itself, cut short; empty when it doesn't say.
    pub fn user_agent_text(&self) -> String {
        let text = self.user_agent.as_deref().unwrap_or_default();
        text.chars().take(USER_AGENT_MAX_CHARS).collect()
    }

    /// The address as text; empty when unknown.
    pub fn address_text(&self) -> String {
        self.address
            .map(|address| address.to_string())
            .unwrap_or_default()
    }
}
