//! Groups.

use std::sync::Arc;

use async_graphql::{ID, Object};

use super::{quota::LimitsObject, scalars::DateTime};
use crate::store;

/// A set of users. Membership grants templates and adds to limits.
#[derive(Clone)]
pub struct Group(pub Arc<store::Group>);

/// A set of users. Membership grants templates and adds to limits.
#[Object]
impl Group {
    /// The group's global identifier.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What membership adds to each limit; absent adds nothing.
    async fn limits(&self) -> LimitsObject {
        self.0.limits.into()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}
