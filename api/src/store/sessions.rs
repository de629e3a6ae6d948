//! Sign-ins.

use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set, sea_query::Expr,
};
use spaceport_domain::{
    id::{SessionId, UserId},
    time::Timestamp,
};
use spaceport_entity as entity;

use super::{Change, Store, StoreError, rows::at};

/// A sign-in of a user.
#[derive(Clone, Debug)]
pub struct Session {
    /// Which sign-in.
    pub id: SessionId,
    /// Who signed in.
    pub user_id: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it was signed out.
    pub revoked_at: Option<Timestamp>,
    /// From where.
    pub address: String,
    /// With which program, as it called itself.
    pub user_agent: String,
    /// When it was last used, coarsely; `None` is not since it was made.
    pub last_used_at: Option<Timestamp>,
}

impl Session {
    /// Whether it has neither been signed out nor ended by itself.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at > now
    }
}

fn session(row: entity::session::Model) -> Session {
    Session {
        id: SessionId::new(row.id),
        user_id: UserId::new(row.user_id),
        created_at: at(row.created_at_ms),
        expires_at: at(row.expires_at_ms),
        revoked_at: row.revoked_at_ms.map(at),
        address: row.address,
        user_agent: row.user_agent,
        last_used_at: row.last_used_at_ms.map(at),
    }
}

/// Sign-ins that hold.
pub(super) fn open(now: Timestamp) -> Select<entity::session::Entity> {
    use entity::session::Column;
    entity::session::Entity::find()
        .filter(Column::RevokedAtMs.is_null())
        .filter(Column::ExpiresAtMs.gt(now.as_millis()))
        .order_by_asc(Column::Id)
}

impl Store {
    /// The sign-in, also when it has ended.
    pub async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let row = entity::session::Entity::find_by_id(id.uuid())
            .one(&self.read)
            .await?;
        Ok(row.map(session))
    }

    /// The sign-ins of each of `users` that hold, oldest first.
    pub async fn sessions_of(
        &self,
        users: &[UserId],
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        let users = users.iter().map(|user| user.uuid());
        let rows = open(now)
            .filter(entity::session::Column::UserId.is_in(users))
            .all(&self.read)
            .await?;
        Ok(rows.into_iter().map(session).collect())
    }

    /// Forgets the sign-ins that expired before `before`.
    pub async fn prune_sessions(&self, before: Timestamp) -> Result<u64, StoreError> {
        let dropped = entity::session::Entity::delete_many()
            .filter(entity::session::Column::ExpiresAtMs.lt(before.as_millis()))
            .exec(&self.write)
            .await?;
        Ok(dropped.rows_affected)
    }
}

impl Change {
    /// The sign-in, also when it has ended, locked until the change ends.
    pub async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let row = entity::session::Entity::find_by_id(id.uuid())
            .lock_exclusive()
            .one(&self.transaction)
            .await?;
        Ok(row.map(session))
    }

    /// Adds a sign-in.
    pub async fn insert_session(&self, session: &Session) -> Result<(), StoreError> {
        let row = entity::session::ActiveModel {
            id: Set(session.id.uuid()),
            user_id: Set(session.user_id.uuid()),
            created_at_ms: Set(session.created_at.as_millis()),
            expires_at_ms: Set(session.expires_at.as_millis()),
            revoked_at_ms: Set(session.revoked_at.map(Timestamp::as_millis)),
            address: Set(session.address.clone()),
            user_agent: Set(session.user_agent.clone()),
            last_used_at_ms: Set(session.last_used_at.map(Timestamp::as_millis)),
        };
        entity::session::Entity::insert(row)
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(())
    }

    /// The sign-ins of a user that hold, oldest first.
    pub async fn sessions_of(
        &self,
        user: UserId,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        let rows = open(now)
            .filter(entity::session::Column::UserId.eq(user.uuid()))
            .all(&self.transaction)
            .await?;
        Ok(rows.into_iter().map(|row| SessionId::new(row.id)).collect())
    }

    /// Ends every session of a user; their tokens stay.
    pub async fn end_sessions(&self, user: UserId, now: Timestamp) -> Result<(), StoreError> {
        use entity::session::Column;
        entity::session::Entity::update_many()
            .col_expr(Column::RevokedAtMs, Expr::value(now.as_millis()))
            .filter(Column::UserId.eq(user.uuid()))
            .filter(Column::RevokedAtMs.is_null())
            .exec(&self.transaction)
            .await?;
        Ok(())
    }

    /// Ends every session of a user, and takes back all of their tokens.
    pub async fn end_sign_ins(&self, user: UserId, now: Timestamp) -> Result<(), StoreError> {
        use entity::api_token;
        self.end_sessions(user, now).await?;
        api_token::Entity::update_many()
            .col_expr(api_token::Column::RevokedAtMs, Expr::value(now.as_millis()))
            .filter(api_token::Column::UserId.eq(user.uuid()))
            .filter(api_token::Column::RevokedAtMs.is_null())
            .exec(&self.transaction)
            .await?;
        Ok(())
    }

    /// Ends a sign-in.
    pub async fn revoke_session(&self, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
        use entity::session::Column;
        entity::session::Entity::update_many()
            .col_expr(Column::RevokedAtMs, Expr::value(now.as_millis()))
            .filter(Column::Id.eq(id.uuid()))
            .filter(Column::RevokedAtMs.is_null())
            .exec(&self.transaction)
            .await?;
        Ok(())
    }
}
