//! Groups and who is in them.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, Set};
use spaceport_domain::{
    id::{GroupId, UserId},
    quota::Limits,
    time::Timestamp,
};
use spaceport_entity as entity;

use super::{
    Change, Page, PageRequest, Store, StoreError,
    page::limit,
    rows::{at, group_limits},
};

/// A set of users; grants quota and templates to its members.
#[derive(Clone, Debug)]
pub struct Group {
    /// Which group.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// What membership adds to each limit.
    pub limits: Limits,
    /// When it was made.
    pub created_at: Timestamp,
}

fn group(row: entity::group::Model) -> Group {
    Group {
        id: GroupId::new(row.id),
        limits: group_limits(&row),
        name: row.name,
        created_at: at(row.created_at_ms),
    }
}

fn row(group: &Group) -> entity::group::ActiveModel {
    entity::group::ActiveModel {
        id: Set(group.id.uuid()),
        name: Set(group.name.clone()),
        limit_spaces: Set(group.limits.spaces),
        limit_compute_units: Set(group.limits.compute_units),
        limit_storage_units: Set(group.limits.storage_units),
        limit_tunnels: Set(group.limits.tunnels),
        created_at_ms: Set(group.created_at.as_millis()),
    }
}

impl Store {
    /// A page of all groups.
    pub async fn groups(&self, request: PageRequest) -> Result<Page<Group>, StoreError> {
        let select = limit(
            entity::group::Entity::find(),
            entity::group::Column::Id,
            request,
        );
        let rows = select.all(&self.read).await?;
        Ok(Page::from_query(
            rows.into_iter().map(group).collect(),
            request,
        ))
    }

    /// The groups with these identifiers, in no order.
    pub async fn groups_by_id(&self, ids: &[GroupId]) -> Result<Vec<Group>, StoreError> {
        let rows = entity::group::Entity::find()
            .filter(entity::group::Column::Id.is_in(ids.iter().map(|id| id.uuid())))
            .all(&self.read)
            .await?;
        Ok(rows.into_iter().map(group).collect())
    }

    /// Which of `users` is in which group.
    pub async fn memberships(
        &self,
        users: &[UserId],
    ) -> Result<Vec<(UserId, GroupId)>, StoreError> {
        use entity::group_member::Column;
        let rows = entity::group_member::Entity::find()
            .filter(Column::UserId.is_in(users.iter().map(|user| user.uuid())))
            .all(&self.read)
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| (UserId::new(row.user_id), GroupId::new(row.group_id)))
            .collect())
    }

    /// Who is in this group.
    pub async fn members(&self, group: GroupId) -> Result<Vec<UserId>, StoreError> {
        use entity::group_member::Column;
        let rows = entity::group_member::Entity::find()
            .filter(Column::GroupId.eq(group.uuid()))
            .all(&self.read)
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| UserId::new(row.user_id))
            .collect())
    }
}

impl Change {
    /// The group, locked until the change ends.
    pub async fn group(&self, id: GroupId) -> Result<Option<Group>, StoreError> {
        use sea_orm::QuerySelect;
        let row = entity::group::Entity::find_by_id(id.uuid())
            .lock_exclusive()
            .one(&self.transaction)
            .await?;
        Ok(row.map(group))
    }

    /// Whether a group other than `except` has this name.
    pub async fn group_name_taken(
        &self,
        name: &str,
        except: Option<GroupId>,
    ) -> Result<bool, StoreError> {
        let mut select = entity::group::Entity::find().filter(entity::group::Column::Name.eq(name));
        if let Some(except) = except {
            select = select.filter(entity::group::Column::Id.ne(except.uuid()));
        }
        Ok(select.count(&self.transaction).await? > 0)
    }

    /// Adds a group.
    pub async fn insert_group(&self, group: &Group) -> Result<(), StoreError> {
        entity::group::Entity::insert(row(group))
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(())
    }

    /// Writes a group's name and limits.
    pub async fn update_group(&self, group: &Group) -> Result<(), StoreError> {
        entity::group::Entity::update(row(group))
            .exec(&self.transaction)
            .await?;
        Ok(())
    }

    /// Removes a group with its memberships and what it was offered.
    pub async fn delete_group(&self, id: GroupId) -> Result<(), StoreError> {
        entity::group_member::Entity::delete_many()
            .filter(entity::group_member::Column::GroupId.eq(id.uuid()))
            .exec(&self.transaction)
            .await?;
        entity::template_group::Entity::delete_many()
            .filter(entity::template_group::Column::GroupId.eq(id.uuid()))
            .exec(&self.transaction)
            .await?;
        entity::group::Entity::delete_by_id(id.uuid())
            .exec(&self.transaction)
            .await?;
        Ok(())
    }

    /// Puts `user` in exactly these groups.
    pub async fn set_groups(&self, user: UserId, groups: &[GroupId]) -> Result<(), StoreError> {
        entity::group_member::Entity::delete_many()
            .filter(entity::group_member::Column::UserId.eq(user.uuid()))
            .exec(&self.transaction)
            .await?;
        for group in groups {
            let row = entity::group_member::ActiveModel {
                group_id: Set(group.uuid()),
                user_id: Set(user.uuid()),
            };
            entity::group_member::Entity::insert(row)
                .exec_without_returning(&self.transaction)
                .await?;
        }
        Ok(())
    }
}
