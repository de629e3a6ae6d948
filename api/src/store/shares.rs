//! Whom spaces are shared with, and what that makes of an event.

use std::collections::HashSet;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Set,
    sea_query::{OnConflict, Query, SelectStatement},
};
use spaceport_domain::{
    event::{Cursor, EventBody, SpaceChange},
    id::{SpaceId, UserId},
    share::Share,
    space::Space,
};
use spaceport_entity as entity;
use uuid::Uuid;

use super::{
    Change, Store, StoreError, events,
    rows::{self, at},
};

pub(super) fn share(row: entity::space_share::Model) -> Share {
    Share {
        space_id: SpaceId::new(row.space_id),
        user_id: UserId::new(row.user_id),
        created_at: at(row.created_at_ms),
    }
}

/// The identifiers of the spaces that are shared with a user, as part of another statement.
pub(super) fn shared_with(user: UserId) -> SelectStatement {
    Query::select()
        .column(entity::space_share::Column::SpaceId)
        .from(entity::space_share::Entity)
        .and_where(entity::space_share::Column::UserId.eq(user.uuid()))
        .take()
}

pub(super) async fn shares_of(
    connection: &impl ConnectionTrait,
    spaces: &[SpaceId],
) -> Result<Vec<Share>, StoreError> {
    use entity::space_share::Column;
    let rows = entity::space_share::Entity::find()
        .filter(Column::SpaceId.is_in(spaces.iter().map(|space| space.uuid())))
        .order_by_asc(Column::CreatedAtMs)
        .order_by_asc(Column::UserId)
        .all(connection)
        .await?;
    Ok(rows.into_iter().map(share).collect())
}

impl Store {
    /// Whom each of `spaces` is shared with, oldest first.
    pub async fn shares_of(&self, spaces: &[SpaceId]) -> Result<Vec<Share>, StoreError> {
        shares_of(&self.read, spaces).await
    }

    /// The spaces, deleted ones too, that `user` owns or that are shared with them, and the
    /// position in the event log that includes exactly that.
    pub async fn visible_space_ids(
        &self,
        user: UserId,
    ) -> Result<(Cursor, HashSet<SpaceId>), StoreError> {
        use entity::space::Column;
        let moment = self.moment().await?;
        let cursor = events::head(&moment).await?;
        let ids = entity::space::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(
                Condition::any()
                    .add(Column::OwnerId.eq(user.uuid()))
                    .add(Column::Id.in_subquery(shared_with(user))),
            )
            .into_tuple::<Uuid>()
            .all(&moment)
            .await?;
        Ok((cursor, ids.into_iter().map(SpaceId::new).collect()))
    }
}

impl Change {
    /// Whom a space is shared with.
    pub async fn shares_of_space(&self, space: SpaceId) -> Result<Vec<Share>, StoreError> {
        shares_of(&self.transaction, &[space]).await
    }

    /// Shares a space; what is shared already stays as it is.
    pub async fn insert_share(&self, share: &Share) -> Result<(), StoreError> {
        use entity::space_share::Column;
        let row = entity::space_share::ActiveModel {
            space_id: Set(share.space_id.uuid()),
            user_id: Set(share.user_id.uuid()),
            created_at_ms: Set(share.created_at.as_millis()),
        };
        entity::space_share::Entity::insert(row)
            .on_conflict(
                OnConflict::columns([Column::SpaceId, Column::UserId])
                    .do_nothing()
                    .to_owned(),
            )
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(())
    }

    /// Ends the sharing of a space with a user; says whether there was one.
    pub async fn delete_share(&self, space: SpaceId, user: UserId) -> Result<bool, StoreError> {
        let deleted = entity::space_share::Entity::delete_by_id((space.uuid(), user.uuid()))
            .exec(&self.transaction)
            .await?;
        Ok(deleted.rows_affected > 0)
    }

    /// Tells of a space's change everybody who may see it after the change, and `lost_by` that
    /// they can't any more.
    pub async fn tell_space(
        &mut self,
        change: SpaceChange,
        space: &Space,
        lost_by: Vec<UserId>,
    ) -> Result<(), StoreError> {
        let shares = self.shares_of_space(space.id).await?;
        self.emit(EventBody::Space {
            change,
            space: space.clone(),
            shared_with: shares.into_iter().map(|share| share.user_id).collect(),
            lost_by,
        });
        Ok(())
    }

    /// The spaces of others, not deleted, that are shared with a user; locked until the change
    /// ends.
    pub async fn spaces_shared_with(&self, guest: UserId) -> Result<Vec<Space>, StoreError> {
        use entity::space::Column;
        let rows = entity::space::Entity::find()
            .filter(Column::Id.in_subquery(shared_with(guest)))
            .filter(Column::DeletedAtMs.is_null())
            .order_by_asc(Column::Id)
            .lock_exclusive()
            .all(&self.transaction)
            .await?;
        rows.into_iter().map(rows::space).collect()
    }
}
