//! Long-lived tokens for programs.

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::Expr,
};
use spaceport_domain::{
    id::{ApiTokenId, UserId},
    scope::Scopes,
    time::Timestamp,
};
use spaceport_entity as entity;

use super::{
    Change, Store, StoreError,
    rows::{at, json, to_json},
};

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
    /// What it may be used for.
    pub scopes: Scopes,
    /// When it was last used, coarsely.
    pub last_used_at: Option<Timestamp>,
}

impl ApiToken {
    /// Whether it has neither been taken back nor ended by itself.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| at > now)
    }
}

fn token(row: entity::api_token::Model) -> Result<ApiToken, StoreError> {
    Ok(ApiToken {
        id: ApiTokenId::new(row.id),
        user_id: UserId::new(row.user_id),
        name: row.name,
        hash: row.hash,
        created_at: at(row.created_at_ms),
        expires_at: row.expires_at_ms.map(at),
        revoked_at: row.revoked_at_ms.map(at),
        scopes: json(&row.scopes, "api_token", "scopes")?,
        last_used_at: row.last_used_at_ms.map(at),
    })
}

/// Tokens that hold.
pub(super) fn holding(now: Timestamp) -> Condition {
    use entity::api_token::Column;
    let lasting = Condition::any()
        .add(Column::ExpiresAtMs.is_null())
        .add(Column::ExpiresAtMs.gt(now.as_millis()));
    Condition::all()
        .add(Column::RevokedAtMs.is_null())
        .add(lasting)
}

impl Store {
    /// The token with this hash, also when it has ended.
    pub async fn token_by_hash(&self, hash: &str) -> Result<Option<ApiToken>, StoreError> {
        let row = entity::api_token::Entity::find()
            .filter(entity::api_token::Column::Hash.eq(hash))
            .one(&self.read)
            .await?;
        row.map(token).transpose()
    }

    /// The token with this identifier, also when it has ended.
    pub async fn token(&self, id: ApiTokenId) -> Result<Option<ApiToken>, StoreError> {
        let row = entity::api_token::Entity::find_by_id(id.uuid())
            .one(&self.read)
            .await?;
        row.map(token).transpose()
    }

    /// The tokens of `users` that were not taken back, oldest first.
    pub async fn tokens_of(&self, users: &[UserId]) -> Result<Vec<ApiToken>, StoreError> {
        use entity::api_token::Column;
        let rows = entity::api_token::Entity::find()
            .filter(Column::UserId.is_in(users.iter().map(|user| user.uuid())))
            .filter(Column::RevokedAtMs.is_null())
            .order_by_asc(Column::Id)
            .all(&self.read)
            .await?;
        rows.into_iter().map(token).collect()
    }
}

impl Change {
    /// The token, also when it has ended, locked until the change ends.
    pub async fn token(&self, id: ApiTokenId) -> Result<Option<ApiToken>, StoreError> {
        let row = entity::api_token::Entity::find_by_id(id.uuid())
            .lock_exclusive()
            .one(&self.transaction)
            .await?;
        row.map(token).transpose()
    }

    /// How many tokens of a user hold.
    pub async fn count_tokens(&self, user: UserId, now: Timestamp) -> Result<u64, StoreError> {
        use entity::api_token::Column;
        let count = entity::api_token::Entity::find()
            .filter(Column::UserId.eq(user.uuid()))
            .filter(holding(now))
            .count(&self.transaction)
            .await?;
        Ok(count)
    }

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
            scopes: Set(to_json(&token.scopes)),
            last_used_at_ms: Set(token.last_used_at.map(Timestamp::as_millis)),
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
