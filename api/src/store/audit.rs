//! Who did what to what, from where.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};
use spaceport_domain::{
    event::Cursor,
    id::{AuditEntryId, UserId},
    time::Timestamp,
};
use spaceport_entity as entity;
use uuid::Uuid;

use super::{Page, PageRequest, Store, StoreError, page::limit, rows::at};

/// An entry to be written.
#[derive(Clone, Debug)]
pub struct NewAuditEntry {
    /// Who; `None` is Spaceport itself.
    pub actor: Option<UserId>,
    /// Where the event log stood when what they may do was read; `None` when they proved who they
    /// are in this very change.
    pub as_of: Option<Cursor>,
    /// The actor's name at the time.
    pub actor_name: String,
    /// What, as the API names it.
    pub action: &'static str,
    /// To what, as a public identifier.
    pub subject: String,
    /// From where.
    pub address: String,
    /// More, for a person. Never a secret.
    pub detail: String,
}

/// An entry of the audit log.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// Which entry.
    pub id: AuditEntryId,
    /// When.
    pub at: Timestamp,
    /// Who; `None` is Spaceport itself.
    pub actor: Option<UserId>,
    /// The actor's name at the time.
    pub actor_name: String,
    /// What, as the API names it.
    pub action: String,
    /// To what, as a public identifier.
    pub subject: String,
    /// From where.
    pub address: String,
    /// More, for a person.
    pub detail: String,
}

/// Which entries are wanted.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only what this user did.
    pub actor: Option<UserId>,
    /// Only this action.
    pub action: Option<String>,
    /// Only what was done to this.
    pub subject: Option<String>,
    /// Only what was done at this time or later.
    pub since: Option<Timestamp>,
    /// Only what was done before this time.
    pub until: Option<Timestamp>,
}

pub(super) async fn insert(
    connection: &impl ConnectionTrait,
    entries: Vec<NewAuditEntry>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let rows = entries
        .into_iter()
        .map(|entry| entity::audit_entry::ActiveModel {
            id: Set(Uuid::now_v7()),
            at_ms: Set(now.as_millis()),
            actor_id: Set(entry.actor.map(UserId::uuid)),
            actor_name: Set(entry.actor_name),
            action: Set(entry.action.to_owned()),
            subject: Set(entry.subject),
            address: Set(entry.address),
            detail: Set(entry.detail),
        });
    entity::audit_entry::Entity::insert_many(rows)
        .exec_without_returning(connection)
        .await?;
    Ok(())
}

impl Store {
    /// A page of the audit log, oldest first.
    pub async fn audit_log(
        &self,
        filter: &AuditFilter,
        request: PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        use entity::audit_entry::Column;
        let mut select = entity::audit_entry::Entity::find();
        if let Some(actor) = filter.actor {
            select = select.filter(Column::ActorId.eq(actor.uuid()));
        }
        if let Some(action) = &filter.action {
            select = select.filter(Column::Action.eq(action));
        }
        if let Some(subject) = &filter.subject {
            select = select.filter(Column::Subject.eq(subject));
        }
        if let Some(since) = filter.since {
            select = select.filter(Column::AtMs.gte(since.as_millis()));
        }
        if let Some(until) = filter.until {
            select = select.filter(Column::AtMs.lt(until.as_millis()));
        }
        let rows = limit(select, Column::Id, request).all(&self.read).await?;
        let entries = rows
            .into_iter()
            .map(|row| AuditEntry {
                id: AuditEntryId::new(row.id),
                at: at(row.at_ms),
                actor: row.actor_id.map(UserId::new),
                actor_name: row.actor_name,
                action: row.action,
                subject: row.subject,
                address: row.address,
                detail: row.detail,
            })
            .collect();
        Ok(Page::from_query(entries, request))
    }
}
