//! Users who leave, for a while or for good, and what becomes of what is theirs.

use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};
use spaceport_domain::{
    access::Permission, id::UserId, lifecycle::Status, space::Space, time::Timestamp,
};
use spaceport_entity as entity;

use super::{Change, StoreError, User, rows::space};

impl Change {
    /// Writes since when nobody may sign in as this user, or that everybody with the password may.
    pub async fn set_disabled(&mut self, user: &User) -> Result<(), StoreError> {
        let row = entity::user::ActiveModel {
            id: Set(user.id.uuid()),
            disabled_at_ms: Set(user.disabled_at.map(Timestamp::as_millis)),
            ..entity::user::ActiveModel::default()
        };
        entity::user::Entity::update(row)
            .exec(&self.transaction)
            .await?;
        if user.disabled_at.is_some() {
            self.departed.push(user.id);
        }
        Ok(())
    }

    /// Marks an account as deleted and forgets whatever gave access to it or with it. Its name
    /// becomes free.
    pub async fn delete_user(&mut self, user: UserId, now: Timestamp) -> Result<(), StoreError> {
        let row = entity::user::ActiveModel {
            id: Set(user.uuid()),
            password_hash: Set(String::new()),
            deleted_at_ms: Set(Some(now.as_millis())),
            ..entity::user::ActiveModel::default()
        };
        entity::user::Entity::update(row)
            .exec(&self.transaction)
            .await?;
        self.set_roles(user, &[]).await?;
        self.set_groups(user, &[]).await?;
        self.end_sign_ins(user, now).await?;
        self.delete_ssh_keys_of(user).await?;
        self.delete_app_codes_of(user).await?;
        self.delete_cli_codes_of(user).await?;
        self.departed.push(user);
        Ok(())
    }

    /// Whether anybody may manage users, after what this change has done so far. Until it ends, no
    /// other change gets an answer, so that two can't each rely on whom the other takes away.
    pub async fn has_manager(&self) -> Result<bool, StoreError> {
        let managing = self.roles().await?.into_iter();
        let managing = managing
            .filter(|role| role.permissions.contains(&Permission::ManageUsers))
            .map(|role| role.id.uuid());
        let users = sea_orm::sea_query::Query::select()
            .column(entity::user_role::Column::UserId)
            .from(entity::user_role::Entity)
            .and_where(entity::user_role::Column::RoleId.is_in(managing))
            .take();
        let count = entity::user::Entity::find()
            .filter(entity::user::Column::Id.in_subquery(users))
            .filter(entity::user::Column::DisabledAtMs.is_null())
            .filter(entity::user::Column::DeletedAtMs.is_null())
            .count(&self.transaction)
            .await?;
        Ok(count > 0)
    }

    /// A user's spaces that are neither deleted nor on their way to it, locked until the change
    /// ends. Lock their owner first.
    pub async fn spaces_of(&self, owner: UserId) -> Result<Vec<Space>, StoreError> {
        use entity::space::Column;
        let leaving = [Status::Deleting, Status::Deleted].map(Status::as_str);
        let rows = entity::space::Entity::find()
            .filter(Column::OwnerId.eq(owner.uuid()))
            .filter(Column::Status.is_not_in(leaving))
            .order_by_asc(Column::Id)
            .lock_exclusive()
            .all(&self.transaction)
            .await?;
        rows.into_iter().map(space).collect()
    }
}
