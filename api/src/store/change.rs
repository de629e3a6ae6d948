//! A transaction that changes something.

use std::sync::Arc;

use sea_orm::DatabaseTransaction;
use spaceport_domain::{
    event::{Cursor, EventBody},
    time::Timestamp,
};
use tokio::sync::watch;

use super::{StoreError, audit, audit::NewAuditEntry, events};

/// A change that is being made. Dropping it undoes it.
#[derive(Debug)]
pub struct Change {
    pub(super) transaction: DatabaseTransaction,
    events: Vec<EventBody>,
    audit: Vec<NewAuditEntry>,
    head: Arc<watch::Sender<Cursor>>,
}

impl Change {
    pub(super) fn new(transaction: DatabaseTransaction, head: Arc<watch::Sender<Cursor>>) -> Self {
        Self {
            transaction,
            events: Vec::new(),
            audit: Vec::new(),
            head,
        }
    }

    /// Tells what changed, once the change is committed.
    pub fn emit(&mut self, event: EventBody) {
        self.events.push(event);
    }

    /// Writes down who did it.
    pub fn audit(&mut self, entry: NewAuditEntry) {
        self.audit.push(entry);
    }

    /// Makes the change so, and returns the position in the event log that includes it.
    pub async fn commit(self, now: Timestamp) -> Result<Cursor, StoreError> {
        audit::insert(&self.transaction, self.audit, now).await?;
        let cursor = events::append(&self.transaction, self.events, now).await?;
        self.transaction.commit().await?;
        // Never backwards: another change may have been told of first.
        self.head.send_if_modified(|head| {
            let newer = cursor > *head;
            if newer {
                *head = cursor;
            }
            newer
        });
        Ok(cursor)
    }

    /// Undoes everything.
    pub async fn abandon(self) -> Result<(), StoreError> {
        Ok(self.transaction.rollback().await?)
    }
}
