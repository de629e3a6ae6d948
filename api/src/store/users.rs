//! People who may sign in.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, Select, Set};
use spaceport_domain::{id::UserId, name::UserName, quota::Limits, time::Timestamp};
use spaceport_entity as entity;

use super::{
    Change, Page, PageRequest, Store, StoreError,
    page::limit,
    rows::{at, corrupt, user_limits},
};

/// A person who may sign in.
#[derive(Clone, Debug)]
pub struct User {
    /// Which user.
    pub id: UserId,
    /// The name they sign in with.
    pub name: UserName,
    /// How they are called.
    pub display_name: String,
    /// Their own limits; what groups grant comes on top.
    pub limits: Limits,
    /// When the account was made.
    pub created_at: Timestamp,
    /// Since when nobody may sign in with it.
    pub disabled_at: Option<Timestamp>,
    /// When it was deleted. What refers to the user keeps its meaning; the name is free.
    pub deleted_at: Option<Timestamp>,
}

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The user.
    pub user: User,
    /// Argon2id in PHC format.
    pub password_hash: String,
}

fn user(row: entity::user::Model) -> Result<User, StoreError> {
    Ok(User {
        id: UserId::new(row.id),
        limits: user_limits(&row),
        name: row
            .name
            .parse()
            .map_err(|_| corrupt("user_account", "name"))?,
        display_name: row.display_name,
        created_at: at(row.created_at_ms),
        disabled_at: row.disabled_at_ms.map(at),
        deleted_at: row.deleted_at_ms.map(at),
    })
}

/// Accounts that were not deleted.
fn present() -> Select<entity::user::Entity> {
    entity::user::Entity::find().filter(entity::user::Column::DeletedAtMs.is_null())
}

impl Store {
    /// A page of all users who were not deleted.
    pub async fn users(&self, request: PageRequest) -> Result<Page<User>, StoreError> {
        let select = limit(present(), entity::user::Column::Id, request);
        let rows = select.all(&self.read).await?;
        Page::from_query(rows, request).try_map(user)
    }

    /// The users with these identifiers, deleted or not, in no order.
    pub async fn users_by_id(&self, ids: &[UserId]) -> Result<Vec<User>, StoreError> {
        let rows = entity::user::Entity::find()
            .filter(entity::user::Column::Id.is_in(ids.iter().map(|id| id.uuid())))
            .all(&self.read)
            .await?;
        rows.into_iter().map(user).collect()
    }

    /// The user with this name.
    pub async fn user_by_name(&self, name: &str) -> Result<Option<User>, StoreError> {
        let row = present()
            .filter(entity::user::Column::Name.eq(name))
            .one(&self.read)
            .await?;
        row.map(user).transpose()
    }

    /// The user with this name, and what their password must verify against.
    pub async fn user_to_sign_in(&self, name: &str) -> Result<Option<(User, String)>, StoreError> {
        let row = present()
            .filter(entity::user::Column::Name.eq(name))
            .one(&self.read)
            .await?;
        row.map(|row| {
            let password_hash = row.password_hash.clone();
            Ok((user(row)?, password_hash))
        })
        .transpose()
    }
}

impl Change {
    /// Whether nobody has an account yet.
    pub async fn has_no_users(&self) -> Result<bool, StoreError> {
        Ok(entity::user::Entity::find()
            .count(&self.transaction)
            .await?
            == 0)
    }

    /// The user, unless they were deleted, locked until the change ends.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let row = present()
            .filter(entity::user::Column::Id.eq(id.uuid()))
            .lock_exclusive()
            .one(&self.transaction)
            .await?;
        row.map(user).transpose()
    }

    /// Whether a user has this name.
    pub async fn user_name_taken(&self, name: &UserName) -> Result<bool, StoreError> {
        let count = present()
            .filter(entity::user::Column::Name.eq(name.as_str()))
            .count(&self.transaction)
            .await?;
        Ok(count > 0)
    }

    /// Adds an account.
    pub async fn insert_user(&self, new: &NewUser) -> Result<(), StoreError> {
        let NewUser {
            user,
            password_hash,
        } = new;
        let row = entity::user::ActiveModel {
            id: Set(user.id.uuid()),
            name: Set(user.name.as_str().to_owned()),
            display_name: Set(user.display_name.clone()),
            password_hash: Set(password_hash.clone()),
            limit_spaces: Set(user.limits.spaces),
            limit_compute_units: Set(user.limits.compute_units),
            limit_storage_units: Set(user.limits.storage_units),
            limit_tunnels: Set(user.limits.tunnels),
            created_at_ms: Set(user.created_at.as_millis()),
            disabled_at_ms: Set(user.disabled_at.map(Timestamp::as_millis)),
            deleted_at_ms: Set(user.deleted_at.map(Timestamp::as_millis)),
        };
        entity::user::Entity::insert(row)
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(())
    }

    /// What a user's password must verify against; the user is locked until the change ends. `None`
    /// when there is no such user, or no longer.
    pub async fn password_hash(&self, id: UserId) -> Result<Option<String>, StoreError> {
        let row = present()
            .filter(entity::user::Column::Id.eq(id.uuid()))
            .lock_exclusive()
            .one(&self.transaction)
            .await?;
        Ok(row.map(|row| row.password_hash))
    }

    /// Writes a new password, and nothing else.
    pub async fn set_password_hash(&self, id: UserId, hash: String) -> Result<(), StoreError> {
        let row = entity::user::ActiveModel {
            id: Set(id.uuid()),
            password_hash: Set(hash),
            ..entity::user::ActiveModel::default()
        };
        entity::user::Entity::update(row)
            .exec(&self.transaction)
            .await?;
        Ok(())
    }

    /// Writes how a user is called and what they may consume, and a new password where given.
    pub async fn update_user(
        &self,
        user: &User,
        password_hash: Option<String>,
    ) -> Result<(), StoreError> {
        let row = entity::user::ActiveModel {
            id: Set(user.id.uuid()),
            display_name: Set(user.display_name.clone()),
            password_hash: password_hash.map_or(sea_orm::NotSet, Set),
            limit_spaces: Set(user.limits.spaces),
            limit_compute_units: Set(user.limits.compute_units),
            limit_storage_units: Set(user.limits.storage_units),
            limit_tunnels: Set(user.limits.tunnels),
            ..entity::user::ActiveModel::default()
        };
        entity::user::Entity::update(row)
            .exec(&self.transaction)
            .await?;
        Ok(())
    }
}
