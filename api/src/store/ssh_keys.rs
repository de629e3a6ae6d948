//! SSH public keys.

use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Set, TryInsertResult,
};
use spaceport_domain::{
    id::{SshKeyId, UserId},
    time::Timestamp,
};
use spaceport_entity as entity;

use super::{Change, Store, StoreError, rows::at};

/// An SSH public key of a user.
#[derive(Clone, Debug)]
pub struct SshKey {
    /// Which key.
    pub id: SshKeyId,
    /// Whose it is.
    pub user_id: UserId,
    /// What the user calls it.
    pub name: String,
    /// The algorithm's name, as in the key.
    pub algorithm: String,
    /// As OpenSSH prints it.
    pub fingerprint: String,
    /// Algorithm and key.
    pub public_key: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When somebody last signed in with it.
    pub last_used_at: Option<Timestamp>,
}

fn ssh_key(row: entity::ssh_key::Model) -> SshKey {
    SshKey {
        id: SshKeyId::new(row.id),
        user_id: UserId::new(row.user_id),
        name: row.name,
        algorithm: row.algorithm,
        fingerprint: row.fingerprint,
        public_key: row.public_key,
        created_at: at(row.created_at_ms),
        last_used_at: row.last_used_at_ms.map(at),
    }
}

impl Store {
    /// The keys of each of `users`, oldest first.
    pub async fn ssh_keys_of(&self, users: &[UserId]) -> Result<Vec<SshKey>, StoreError> {
        use entity::ssh_key::Column;
        let rows = entity::ssh_key::Entity::find()
            .filter(Column::UserId.is_in(users.iter().map(|user| user.uuid())))
            .order_by_asc(Column::Id)
            .all(&self.read)
            .await?;
        Ok(rows.into_iter().map(ssh_key).collect())
    }

    /// The key with this identifier.
    pub async fn ssh_key(&self, id: SshKeyId) -> Result<Option<SshKey>, StoreError> {
        let row = entity::ssh_key::Entity::find_by_id(id.uuid())
            .one(&self.read)
            .await?;
        Ok(row.map(ssh_key))
    }
}

impl Change {
    /// How many keys a user has.
    pub async fn count_ssh_keys(&self, user: UserId) -> Result<u64, StoreError> {
        let count = entity::ssh_key::Entity::find()
            .filter(entity::ssh_key::Column::UserId.eq(user.uuid()))
            .count(&self.transaction)
            .await?;
        Ok(count)
    }

    /// Adds a key; says whether it was nobody's yet.
    pub async fn insert_ssh_key(&self, key: &SshKey) -> Result<bool, StoreError> {
        let row = entity::ssh_key::ActiveModel {
            id: Set(key.id.uuid()),
            user_id: Set(key.user_id.uuid()),
            name: Set(key.name.clone()),
            algorithm: Set(key.algorithm.clone()),
            fingerprint: Set(key.fingerprint.clone()),
            public_key: Set(key.public_key.clone()),
            created_at_ms: Set(key.created_at.as_millis()),
            last_used_at_ms: Set(key.last_used_at.map(Timestamp::as_millis)),
        };
        let inserted = entity::ssh_key::Entity::insert(row)
            .on_conflict_do_nothing_on([entity::ssh_key::Column::Fingerprint])
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(matches!(inserted, TryInsertResult::Inserted(count) if count > 0))
    }

    /// Notes that somebody signed in with a key; says whether there is such a key.
    pub async fn note_use_of_ssh_key(
        &self,
        id: SshKeyId,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        use entity::ssh_key::{Column, Entity};
        let updated = Entity::update_many()
            .col_expr(Column::LastUsedAtMs, at.as_millis().into())
            .filter(Column::Id.eq(id.uuid()))
            .exec(&self.transaction)
            .await?;
        Ok(updated.rows_affected > 0)
    }

    /// Removes a key; says whether there was one.
    pub async fn delete_ssh_key(&self, id: SshKeyId) -> Result<bool, StoreError> {
        let deleted = entity::ssh_key::Entity::delete_by_id(id.uuid())
            .exec(&self.transaction)
            .await?;
        Ok(deleted.rows_affected > 0)
    }

    /// Removes every key of a user.
    pub async fn delete_ssh_keys_of(&self, user: UserId) -> Result<(), StoreError> {
        entity::ssh_key::Entity::delete_many()
            .filter(entity::ssh_key::Column::UserId.eq(user.uuid()))
            .exec(&self.transaction)
            .await?;
        Ok(())
    }
}
