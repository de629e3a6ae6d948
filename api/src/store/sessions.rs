//! Sign-ins.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set, sea_query::Expr};
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
}

impl Store {
    /// The sign-in, also when it has ended.
    pub async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let row = entity::session::Entity::find_by_id(id.uuid())
            .one(&self.read)
            .await?;
        Ok(row.map(|row| Session {
            id,
            user_id: UserId::new(row.user_id),
            created_at: at(row.created_at_ms),
            expires_at: at(row.expires_at_ms),
            revoked_at: row.revoked_at_ms.map(at),
            address: row.address,
        }))
    }
}

impl Change {
    /// Adds a sign-in.
    pub async fn insert_session(&self, session: &Session) -> Result<(), StoreError> {
        let row = entity::session::ActiveModel {
            id: Set(session.id.uuid()),
            user_id: Set(session.user_id.uuid()),
            created_at_ms: Set(session.created_at.as_millis()),
            expires_at_ms: Set(session.expires_at.as_millis()),
            revoked_at_ms: Set(session.revoked_at.map(Timestamp::as_millis)),
            address: Set(session.address.clone()),
        };
        entity::session::Entity::insert(row)
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(())
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
