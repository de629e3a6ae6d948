//! One-time codes with which command lines sign in.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, Set};
use spaceport_domain::{
    id::{SessionId, UserId},
    time::Timestamp,
};
use spaceport_entity as entity;

use super::{Change, Store, StoreError, rows::at};

/// A code that can be turned into a sign-in once. The code itself is not kept.
#[derive(Clone, Debug)]
pub struct CliCode {
    /// SHA-256 of the code, in hex.
    pub hash: String,
    /// Who signs in.
    pub user_id: UserId,
    /// The sign-in of the browser that confirmed it: it ends with that.
    pub session_id: SessionId,
    /// What the verifier must hash to.
    pub challenge: String,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

fn cli_code(row: entity::cli_code::Model) -> CliCode {
    CliCode {
        hash: row.code_hash,
        user_id: UserId::new(row.user_id),
        session_id: SessionId::new(row.session_id),
        challenge: row.challenge,
        expires_at: at(row.expires_at_ms),
    }
}

impl Store {
    /// The code with this hash, unless it was used up.
    pub async fn cli_code(&self, hash: &str) -> Result<Option<CliCode>, StoreError> {
        let row = entity::cli_code::Entity::find_by_id(hash.to_owned())
            .one(&self.read)
            .await?;
        Ok(row.map(cli_code))
    }

    /// Forgets the codes that expired before `before`.
    pub async fn prune_cli_codes(&self, before: Timestamp) -> Result<u64, StoreError> {
        let dropped = entity::cli_code::Entity::delete_many()
            .filter(entity::cli_code::Column::ExpiresAtMs.lt(before.as_millis()))
            .exec(&self.write)
            .await?;
        Ok(dropped.rows_affected)
    }
}

impl Change {
    /// How many codes of a user can still be used.
    pub async fn count_cli_codes(&self, user: UserId, now: Timestamp) -> Result<u64, StoreError> {
        use entity::cli_code::Column;
        Ok(entity::cli_code::Entity::find()
            .filter(Column::UserId.eq(user.uuid()))
            .filter(Column::ExpiresAtMs.gt(now.as_millis()))
            .count(&self.transaction)
            .await?)
    }

    /// Adds a code.
    pub async fn insert_cli_code(&self, code: &CliCode) -> Result<(), StoreError> {
        let row = entity::cli_code::ActiveModel {
            code_hash: Set(code.hash.clone()),
            user_id: Set(code.user_id.uuid()),
            session_id: Set(code.session_id.uuid()),
            challenge: Set(code.challenge.clone()),
            expires_at_ms: Set(code.expires_at.as_millis()),
        };
        entity::cli_code::Entity::insert(row)
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(())
    }

    /// Uses a code up; says whether this change is the one that did.
    pub async fn take_cli_code(&self, hash: &str) -> Result<bool, StoreError> {
        let taken = entity::cli_code::Entity::delete_by_id(hash.to_owned())
            .exec(&self.transaction)
            .await?;
        Ok(taken.rows_affected == 1)
    }

    /// Forgets every code of a user.
    pub async fn delete_cli_codes_of(&self, user: UserId) -> Result<(), StoreError> {
        entity::cli_code::Entity::delete_many()
            .filter(entity::cli_code::Column::UserId.eq(user.uuid()))
            .exec(&self.transaction)
            .await?;
        Ok(())
    }
}
