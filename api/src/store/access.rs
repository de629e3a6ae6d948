//! Who somebody is and what their roles and groups give them.

use std::collections::BTreeSet;

use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::LockType,
};
use spaceport_domain::{
    access::{Actor, Permission},
    id::{GroupId, RoleId, UserId},
    scope::Scopes,
};
use spaceport_entity as entity;

use super::{
    Change, Store, StoreError,
    rows::{json, to_json},
};

/// A named set of permissions.
#[derive(Clone, Debug)]
pub struct Role {
    /// Which role.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// What it allows.
    pub permissions: BTreeSet<Permission>,
    /// Whether it came with the installation.
    pub built_in: bool,
}

pub(super) fn role(row: entity::role::Model) -> Result<Role, StoreError> {
    Ok(Role {
        id: RoleId::new(row.id),
        permissions: json(&row.permissions, "role", "permissions")?,
        name: row.name,
        built_in: row.built_in,
    })
}

fn row(role: &Role) -> entity::role::ActiveModel {
    entity::role::ActiveModel {
        id: sea_orm::Set(role.id.uuid()),
        name: sea_orm::Set(role.name.clone()),
        permissions: sea_orm::Set(to_json(&role.permissions)),
        built_in: sea_orm::Set(role.built_in),
    }
}

impl Store {
    /// The actor that `user` is, with every scope; `None` when there is no such user, or they may not act now.
    pub async fn actor(&self, user: UserId) -> Result<Option<Actor>, StoreError> {
        // Before the first row is read: an access that changes meanwhile counts as changed.
        let as_of = *self.head.borrow();
        let Some(row) = entity::user::Entity::find_by_id(user.uuid())
            .filter(entity::user::Column::DisabledAtMs.is_null())
            .filter(entity::user::Column::DeletedAtMs.is_null())
            .one(&self.read)
            .await?
        else {
            return Ok(None);
        };
        let permissions = self.permissions_of(user).await?;
        let groups = entity::group_member::Entity::find()
            .filter(entity::group_member::Column::UserId.eq(user.uuid()))
            .all(&self.read)
            .await?
            .into_iter()
            .map(|member| GroupId::new(member.group_id))
            .collect();
        Ok(Some(Actor {
            user_id: user,
            user_name: row.name,
            held: permissions.clone(),
            permissions,
            scopes: Scopes::all(),
            groups,
            as_of,
        }))
    }

    /// What a user's roles allow, together, also while they may not act.
    pub async fn permissions_of(&self, user: UserId) -> Result<BTreeSet<Permission>, StoreError> {
        let roles = self.roles_of(user).await?;
        Ok(roles
            .into_iter()
            .flat_map(|role| role.permissions)
            .collect())
    }

    async fn roles_of(&self, user: UserId) -> Result<Vec<Role>, StoreError> {
        let ids = sea_orm::sea_query::Query::select()
            .column(entity::user_role::Column::RoleId)
            .from(entity::user_role::Entity)
            .and_where(entity::user_role::Column::UserId.eq(user.uuid()))
            .take();
        let rows = entity::role::Entity::find()
            .filter(entity::role::Column::Id.in_subquery(ids))
            .all(&self.read)
            .await?;
        rows.into_iter().map(role).collect()
    }

    /// Every role, by name.
    pub async fn roles(&self) -> Result<Vec<Role>, StoreError> {
        let rows = entity::role::Entity::find()
            .order_by_asc(entity::role::Column::Name)
            .all(&self.read)
            .await?;
        rows.into_iter().map(role).collect()
    }

    /// The roles of each of `users`.
    pub async fn roles_of_users(
        &self,
        users: &[UserId],
    ) -> Result<Vec<(UserId, Role)>, StoreError> {
        let links = entity::user_role::Entity::find()
            .filter(entity::user_role::Column::UserId.is_in(users.iter().map(|user| user.uuid())))
            .all(&self.read)
            .await?;
        let roles = self.roles().await?;
        Ok(links
            .into_iter()
            .filter_map(|link| {
                let role = roles.iter().find(|role| role.id.uuid() == link.role_id)?;
                Some((UserId::new(link.user_id), role.clone()))
            })
            .collect())
    }
}

impl Change {
    /// Every role, locked until the change ends, in the order in which they are locked everywhere.
    pub async fn roles(&self) -> Result<Vec<Role>, StoreError> {
        let rows = entity::role::Entity::find()
            .order_by_asc(entity::role::Column::Id)
            // This lock goes with rows that refer to a role, which a stronger one would wait for.
            .lock(LockType::NoKeyUpdate)
            .all(&self.transaction)
            .await?;
        rows.into_iter().map(role).collect()
    }

    /// Adds a role.
    pub async fn insert_role(&self, role: &Role) -> Result<(), StoreError> {
        entity::role::Entity::insert(row(role))
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(())
    }

    /// Writes a role's name and permissions.
    pub async fn update_role(&self, role: &Role) -> Result<(), StoreError> {
        entity::role::Entity::update(row(role))
            .exec(&self.transaction)
            .await?;
        Ok(())
    }

    /// Removes a role, also from those who have it.
    pub async fn delete_role(&self, id: RoleId) -> Result<(), StoreError> {
        entity::user_role::Entity::delete_many()
            .filter(entity::user_role::Column::RoleId.eq(id.uuid()))
            .exec(&self.transaction)
            .await?;
        entity::role::Entity::delete_by_id(id.uuid())
            .exec(&self.transaction)
            .await?;
        Ok(())
    }

    /// Who has this role.
    pub async fn users_with_role(&self, id: RoleId) -> Result<Vec<UserId>, StoreError> {
        let rows = entity::user_role::Entity::find()
            .filter(entity::user_role::Column::RoleId.eq(id.uuid()))
            .order_by_asc(entity::user_role::Column::UserId)
            .all(&self.transaction)
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| UserId::new(row.user_id))
            .collect())
    }

    /// Gives `user` exactly these roles.
    pub async fn set_roles(&self, user: UserId, roles: &[RoleId]) -> Result<(), StoreError> {
        entity::user_role::Entity::delete_many()
            .filter(entity::user_role::Column::UserId.eq(user.uuid()))
            .exec(&self.transaction)
            .await?;
        for role in roles {
            let row = entity::user_role::ActiveModel {
                user_id: sea_orm::Set(user.uuid()),
                role_id: sea_orm::Set(role.uuid()),
            };
            entity::user_role::Entity::insert(row)
                .exec_without_returning(&self.transaction)
                .await?;
        }
        Ok(())
    }
}
