//! Long-lived tokens for programs.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set, sea_query::Expr};
use spaceport_domain::{
    id::{ApiTokenId, UserId},
    time::Timestamp,
};
use spaceport_entity as entity;

use super::{Change, Store, StoreError, rows::at};

/// A token a user made for a program. The token itself is not kept.
#[derive(Clone, Debug)]
pub struct ApiToken {
    /// Which token.
    pub id: ApiTokenId,
    /// Whose it is.
    pub user_id: UserId,
    /// What the user calls it.
    pub name: String,
    /// SHA-256 of the token, in hex.
    pub hash: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

fn token(row: entity::api_token::Model) -> ApiToken {
    ApiToken {
        id: ApiTokenId::new(row.id),
        user_id: UserId::new(row.user_id),
        name: row.name,
        hash: row.hash,
        created_at: at(row.created_at_ms),
        expires_at: row.expires_at_ms.map(at),
        revoked_at: row.revoked_at_ms.map(at),
    }
}

impl Store {
    /// The token with this hash, also when it has ended.
    pub async fn token_by_hash(&self, hash: &str) -> Result<Option<ApiToken>, StoreError> {
        let row = entity::api_token::Entity::find()
            .filter(entity::api_token::Column::Hash.eq(hash))
            .one(&self.read)
            .await?;
        Ok(row.map(token))
    }

    /// The token with this identifier, also when it has ended.
    pub async fn token(&self, id: ApiTokenId) -> Result<Option<ApiToken>, StoreError> {
        let row = entity::api_token::Entity::find_by_id(id.uuid())
            .one(&self.read)
            .await?;
        Ok(row.map(token))
    }

    /// A user's tokens that were not taken back, oldest first.
    pub async fn tokens_of(&self, user: UserId) -> Result<Vec<ApiToken>, StoreError> {
        use entity::api_token::Column;
        let rows = entity::api_token::Entity::find()
            .filter(Column::UserId.eq(user.uuid()))
            .filter(Column::RevokedAtMs.is_null())
            .order_by_asc(Column::Id)
            .all(&self.read)
            .await?;
        Ok(rows.into_iter().map(token).collect())
    }
}

impl Change {
    /// Adds a token.
    pub async fn insert_token(&self, token: &ApiToken) -> Result<(), StoreError> {
        let row = entity::api_token::ActiveModel {
            id: Set(token.id.uuid()),
            user_id: Set(token.user_id.uuid()),
            name: Set(token.name.clone()),
            hash: Set(token.hash.clone()),
            created_at_ms: Set(token.created_at.as_millis()),
            expires_at_ms: Set(token.expires_at.map(Timestamp::as_millis)),
            revoked_at_ms: Set(token.revoked_at.map(Timestamp::as_millis)),
        };
        entity::api_token::Entity::insert(row)
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(())
    }

    /// Takes a token back.
    pub async fn revoke_token(&self, id: ApiTokenId, now: Timestamp) -> Result<(), StoreError> {
        use entity::api_token::Column;
        entity::api_token::Entity::update_many()
            .col_expr(Column::RevokedAtMs, Expr::value(now.as_millis()))
            .filter(Column::Id.eq(id.uuid()))
            .exec(&self.transaction)
            .await?;
        Ok(())
    }
}
