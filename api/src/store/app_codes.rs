//! One-time codes with which browsers enter apps.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, Set};
use spaceport_domain::{
    event::SignIn,
    id::{ApiTokenId, SessionId, SpaceId, UserId},
    time::Timestamp,
};
use spaceport_entity as entity;

use super::{
    Change, Store, StoreError,
    rows::{at, corrupt},
};

/// A code that can be turned into a ticket once. The code itself is not kept.
#[derive(Clone, Debug)]
pub struct AppCode {
    /// SHA-256 of the code, in hex.
    pub hash: String,
    /// Who enters.
    pub user_id: UserId,
    /// What it rests on: it ends with that.
    pub sign_in: SignIn,
    /// The hostname it is good for.
    pub host: String,
    /// The space that has the hostname, when who enters may know of it.
    pub space: Option<SpaceId>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

fn app_code(row: entity::app_code::Model) -> Result<AppCode, StoreError> {
    let sign_in = match (row.session_id, row.api_token_id) {
        (Some(id), None) => SignIn::Session(SessionId::new(id)),
        (None, Some(id)) => SignIn::ApiToken(ApiTokenId::new(id)),
        _ => return Err(corrupt("app_code", "session_id")),
    };
    Ok(AppCode {
        hash: row.code_hash,
        user_id: UserId::new(row.user_id),
        sign_in,
        host: row.host,
        space: row.space_id.map(SpaceId::new),
        expires_at: at(row.expires_at_ms),
    })
}

impl Store {
    /// The code with this hash, unless it was used up.
    pub async fn app_code(&self, hash: &str) -> Result<Option<AppCode>, StoreError> {
        let row = entity::app_code::Entity::find_by_id(hash.to_owned())
            .one(&self.read)
            .await?;
        row.map(app_code).transpose()
    }

    /// Forgets the codes that expired before `before`.
    pub async fn prune_app_codes(&self, before: Timestamp) -> Result<u64, StoreError> {
        let dropped = entity::app_code::Entity::delete_many()
            .filter(entity::app_code::Column::ExpiresAtMs.lt(before.as_millis()))
            .exec(&self.write)
            .await?;
        Ok(dropped.rows_affected)
    }
}

impl Change {
    /// How many codes of a user can still be used.
    pub async fn count_app_codes(&self, user: UserId, now: Timestamp) -> Result<u64, StoreError> {
        use entity::app_code::Column;
        Ok(entity::app_code::Entity::find()
            .filter(Column::UserId.eq(user.uuid()))
            .filter(Column::ExpiresAtMs.gt(now.as_millis()))
            .count(&self.transaction)
            .await?)
    }

    /// Adds a code.
    pub async fn insert_app_code(&self, code: &AppCode) -> Result<(), StoreError> {
        let (session_id, api_token_id) = match code.sign_in {
            SignIn::Session(id) => (Some(id.uuid()), None),
            SignIn::ApiToken(id) => (None, Some(id.uuid())),
        };
        let row = entity::app_code::ActiveModel {
            code_hash: Set(code.hash.clone()),
            user_id: Set(code.user_id.uuid()),
            session_id: Set(session_id),
            api_token_id: Set(api_token_id),
            host: Set(code.host.clone()),
            space_id: Set(code.space.map(SpaceId::uuid)),
            expires_at_ms: Set(code.expires_at.as_millis()),
        };
        entity::app_code::Entity::insert(row)
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(())
    }

    /// Uses a code up; says whether this change is the one that did.
    pub async fn take_app_code(&self, hash: &str) -> Result<bool, StoreError> {
        let taken = entity::app_code::Entity::delete_by_id(hash.to_owned())
            .exec(&self.transaction)
            .await?;
        Ok(taken.rows_affected == 1)
    }

    /// Forgets every code of a user.
    pub async fn delete_app_codes_of(&self, user: UserId) -> Result<(), StoreError> {
        entity::app_code::Entity::delete_many()
            .filter(entity::app_code::Column::UserId.eq(user.uuid()))
            .exec(&self.transaction)
            .await?;
        Ok(())
    }
}
