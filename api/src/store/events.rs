//! The outbox: what changed, in the order of commits.

use std::time::Duration;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement,
    sea_query::{Expr, ExprTrait},
};
use spaceport_domain::{
    event::{Cursor, Event, EventBody},
    id::UserId,
    time::Timestamp,
};
use spaceport_entity as entity;
use tokio::sync::watch;

use super::{
    Store, StoreError,
    rows::{at, corrupt, json, to_json},
};

const HEAD_ROW: i32 = 1;
/// The channel on which Postgres tells other replicas of a commit.
const CHANNEL: &str = "spaceport_events";
/// How often the database is asked for news when nobody tells of any.
const POLL: Duration = Duration::from_secs(1);

/// The position that includes every committed event.
pub(super) async fn head(connection: &impl ConnectionTrait) -> Result<Cursor, StoreError> {
    let row = entity::event_head::Entity::find_by_id(HEAD_ROW)
        .one(connection)
        .await?;
    row.map(|row| Cursor::new(row.seq))
        .ok_or_else(|| corrupt("event_head", "seq"))
}

/// Takes the next `count` numbers and says which is the last; the caller writes their events and
/// commits at once, because from here on every other change waits.
pub(super) async fn advance(
    connection: &impl ConnectionTrait,
    count: usize,
) -> Result<Cursor, StoreError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    entity::event_head::Entity::update_many()
        .col_expr(
            entity::event_head::Column::Seq,
            Expr::col(entity::event_head::Column::Seq).add(count),
        )
        .filter(entity::event_head::Column::Id.eq(HEAD_ROW))
        .exec(connection)
        .await?;
    head(connection).await
}

/// Writes `events`, whose numbers end with `last`.
pub(super) async fn insert(
    connection: &impl ConnectionTrait,
    events: Vec<EventBody>,
    last: Cursor,
    now: Timestamp,
) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let first = last.seq() - count + 1;
    let rows = events
        .iter()
        .zip(first..)
        .map(|(body, seq)| entity::event::ActiveModel {
            seq: sea_orm::Set(seq),
            at_ms: sea_orm::Set(now.as_millis()),
            body: sea_orm::Set(to_json(body)),
            access_user_id: sea_orm::Set(match body {
                EventBody::Access { user_id } => Some(user_id.uuid()),
                _ => None,
            }),
        });
    entity::event::Entity::insert_many(rows)
        .exec_without_returning(connection)
        .await?;
    if connection.get_database_backend() == DbBackend::Postgres {
        let notify = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT pg_notify($1, $2)",
            [CHANNEL.into(), last.to_string().into()],
        );
        connection.execute_raw(notify).await?;
    }
    Ok(())
}

impl Store {
    /// The position that includes every event this process knows to be committed, as it moves.
    pub fn head(&self) -> watch::Receiver<Cursor> {
        self.head.subscribe()
    }

    /// The position that includes every committed event.
    pub async fn current_head(&self) -> Result<Cursor, StoreError> {
        head(&self.read).await
    }

    /// At most `limit` events behind `after`, in order.
    pub async fn events_after(&self, after: Cursor, limit: u64) -> Result<Vec<Event>, StoreError> {
        let rows = entity::event::Entity::find()
            .filter(entity::event::Column::Seq.gt(after.seq()))
            .order_by_asc(entity::event::Column::Seq)
            .limit(limit)
            .all(&self.read)
            .await?;
        rows.into_iter()
            .map(|row| {
                let body = json(&row.body, "event", "body")?;
                Ok(Event {
                    cursor: Cursor::new(row.seq),
                    at: at(row.at_ms),
                    body,
                })
            })
            .collect()
    }

    /// Whether what `user` may do changed behind `after`: then what they know from before may be
    /// more or less than they may see.
    pub async fn is_access_changed(&self, user: UserId, after: Cursor) -> Result<bool, StoreError> {
        use entity::event::Column;
        let changes = entity::event::Entity::find()
            .filter(Column::AccessUserId.eq(user.uuid()))
            .filter(Column::Seq.gt(after.seq()))
            .count(&self.read)
            .await?;
        Ok(changes > 0)
    }

    /// Whether every event behind `after` is still kept.
    pub async fn is_resumable(&self, after: Cursor) -> Result<bool, StoreError> {
        let head = self.current_head().await?;
        if after >= head {
            // A cursor from the future belongs to another database.
            return Ok(after == head);
        }
        let next = entity::event::Entity::find_by_id(after.seq() + 1)
            .one(&self.read)
            .await?;
        Ok(next.is_some())
    }

    /// Forgets the events before the first that is not older than `before`, but keeps the newest
    /// `keep`. What is kept has no gaps, whatever the clocks said.
    pub async fn prune_events(&self, before: Timestamp, keep: i64) -> Result<u64, StoreError> {
        use entity::event::Column;
        let newest_dropped = self.current_head().await?.seq() - keep;
        let first_kept = entity::event::Entity::find()
            .filter(Column::AtMs.gte(before.as_millis()))
            .order_by_asc(Column::Seq)
            .one(&self.read)
            .await?;
        let end = first_kept.map_or(newest_dropped, |event| {
            Ord::min(newest_dropped, event.seq - 1)
        });
        let dropped = entity::event::Entity::delete_many()
            .filter(Column::Seq.lte(end))
            .exec(&self.write)
            .await?;
        Ok(dropped.rows_affected)
    }

    /// Learns of what other replicas commit, for ever: by `LISTEN` on Postgres, and by asking.
    /// SQLite has no other replica.
    pub async fn follow_commits(&self) {
        if self.read.get_database_backend() != DbBackend::Postgres {
            return std::future::pending().await;
        }
        let mut listener = None;
        loop {
            if listener.is_none() {
                listener = self.listen().await;
            }
            match &mut listener {
                Some(notifications) => {
                    let next = tokio::time::timeout(POLL, notifications.recv()).await;
                    if matches!(next, Ok(Err(_))) {
                        listener = None;
                        tokio::time::sleep(POLL).await;
                    }
                }
                None => tokio::time::sleep(POLL).await,
            }
            match self.current_head().await {
                Ok(cursor) => {
                    self.head.send_if_modified(|head| {
                        let newer = cursor > *head;
                        *head = cursor.max(*head);
                        newer
                    });
                }
                Err(error) => tracing::warn!(%error, "can't read the head of the event log"),
            }
        }
    }

    async fn listen(&self) -> Option<sea_orm::sqlx::postgres::PgListener> {
        let pool = self.read.get_postgres_connection_pool();
        let mut listener = sea_orm::sqlx::postgres::PgListener::connect_with(pool)
            .await
            .ok()?;
        listener.listen(CHANNEL).await.ok()?;
        Some(listener)
    }
}
