//! A transaction that changes something.

use std::{collections::BTreeSet, sync::Arc};

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter};
use spaceport_domain::{
    event::{Cursor, EventBody},
    id::UserId,
    time::Timestamp,
};
use spaceport_entity as entity;
use tokio::sync::watch;

use super::{StoreError, audit, audit::NewAuditEntry, events};

/// A change that is being made. Dropping it undoes it.
#[derive(Debug)]
pub struct Change {
    pub(super) transaction: DatabaseTransaction,
    events: Vec<EventBody>,
    audit: Vec<NewAuditEntry>,
    /// Users whose accounts this very change ends: it may have been made by one of them.
    pub(super) departed: Vec<UserId>,
    head: Arc<watch::Sender<Cursor>>,
}

impl Change {
    pub(super) fn new(transaction: DatabaseTransaction, head: Arc<watch::Sender<Cursor>>) -> Self {
        Self {
            transaction,
            events: Vec::new(),
            audit: Vec::new(),
            departed: Vec::new(),
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
    ///
    /// Whoever was disabled or deleted while their request was under way, or whose rights changed,
    /// changes nothing any more: that is looked at here, behind every lock that a change waits for,
    /// the one on the head of the event log included.
    pub async fn commit(self, now: Timestamp) -> Result<Cursor, StoreError> {
        let cursor = events::advance(&self.transaction, self.events.len()).await?;
        self.require_present_actors().await?;
        self.require_unchanged_access().await?;
        audit::insert(&self.transaction, self.audit, now).await?;
        events::insert(&self.transaction, self.events, cursor, now).await?;
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

    async fn require_present_actors(&self) -> Result<(), StoreError> {
        use entity::user::Column;
        let actors: BTreeSet<_> = self
            .audit
            .iter()
            .filter_map(|entry| entry.actor)
            .filter(|actor| !self.departed.contains(actor))
            .map(UserId::uuid)
            .collect();
        if actors.is_empty() {
            return Ok(());
        }
        let wanted = actors.len() as u64;
        let present = entity::user::Entity::find()
            .filter(Column::Id.is_in(actors))
            .filter(Column::DisabledAtMs.is_null())
            .filter(Column::DeletedAtMs.is_null())
            .count(&self.transaction)
            .await?;
        if present < wanted {
            return Err(StoreError::ActorDeparted);
        }
        Ok(())
    }

    async fn require_unchanged_access(&self) -> Result<(), StoreError> {
        use entity::event::Column;
        let reads = self.audit.iter();
        let reads: BTreeSet<_> = reads
            .filter_map(|entry| Some((entry.actor?.uuid(), entry.as_of?)))
            .collect();
        for (actor, as_of) in reads {
            let changes = entity::event::Entity::find()
                .filter(Column::AccessUserId.eq(actor))
                .filter(Column::Seq.gt(as_of.seq()))
                .count(&self.transaction)
                .await?;
            if changes > 0 {
                return Err(StoreError::AccessChanged);
            }
        }
        Ok(())
    }

    /// Undoes everything.
    pub async fn abandon(self) -> Result<(), StoreError> {
        Ok(self.transaction.rollback().await?)
    }
}
