//! Spaces.

use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, Set};
use spaceport_domain::{
    access::Sight,
    event::Cursor,
    id::{SpaceId, TemplateId, UserId},
    lifecycle::Status,
    name::SpaceName,
    space::Space,
    time::Timestamp,
};
use spaceport_entity as entity;

use super::{
    Change, Page, PageRequest, Store, StoreError, events,
    page::limit,
    rows::{space, to_json},
    shares::shared_with,
};

/// A space to be made.
#[derive(Clone, Debug)]
pub struct NewSpace {
    /// The space.
    pub space: Space,
    /// What a repeated request repeats.
    pub idempotency: Option<Idempotency>,
}

/// Recognises a repeated request.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// The caller's own text, unique for the owner.
    pub key: String,
    /// A fingerprint of everything else in the request.
    pub print: String,
}

/// Which spaces are wanted.
#[derive(Clone, Debug, Default)]
pub struct SpaceFilter {
    /// Only of this owner.
    pub owner: Option<UserId>,
    /// Only in one of these statuses.
    pub statuses: Option<Vec<Status>>,
    /// Only made from this template.
    pub template: Option<TemplateId>,
    /// Only with this text in the name.
    pub name_contains: Option<String>,
}

fn row(space: &Space) -> entity::space::ActiveModel {
    let state = &space.state;
    entity::space::ActiveModel {
        id: Set(space.id.uuid()),
        owner_id: Set(space.owner_id.uuid()),
        name: Set(space.name.as_str().to_owned()),
        description: Set(space.description.clone()),
        template_id: Set(space.template_id.uuid()),
        template_version_id: Set(space.template_version_id.uuid()),
        status: Set(state.status.as_str().to_owned()),
        desired: Set(state.desired.as_str().to_owned()),
        instance: Set(i32::try_from(state.instance).unwrap_or(i32::MAX)),
        deadline_ms: Set(state.deadline.map(Timestamp::as_millis)),
        volumes_ready: Set(state.volumes_ready),
        failure: Set(state.failure.as_ref().map(to_json)),
        address: Set(space.address.map(|address| address.to_string())),
        agent_version: Set(space.agent_version.clone()),
        apps: Set(space.apps.as_ref().map(to_json)),
        compute_units: Set(space.compute_units),
        storage_units: Set(space.storage_units),
        created_at_ms: Set(space.created_at.as_millis()),
        started_at_ms: Set(space.started_at.map(Timestamp::as_millis)),
        stopped_at_ms: Set(space.stopped_at.map(Timestamp::as_millis)),
        revision: Set(space.revision),
        ..entity::space::ActiveModel::default()
    }
}

fn seen_by(sight: Sight) -> Condition {
    match sight {
        Sight::All => Condition::all(),
        Sight::Of(user) => Condition::any()
            .add(entity::space::Column::OwnerId.eq(user.uuid()))
            .add(entity::space::Column::Id.in_subquery(shared_with(user))),
    }
}

fn matching(filter: &SpaceFilter) -> Condition {
    use entity::space::Column;
    let mut condition = Condition::all();
    if let Some(owner) = filter.owner {
        condition = condition.add(Column::OwnerId.eq(owner.uuid()));
    }
    if let Some(statuses) = &filter.statuses {
        condition =
            condition.add(Column::Status.is_in(statuses.iter().map(|status| status.as_str())));
    }
    if let Some(template) = filter.template {
        condition = condition.add(Column::TemplateId.eq(template.uuid()));
    }
    if let Some(text) = &filter.name_contains {
        condition = condition.add(Column::Name.contains(text));
    }
    condition
}

impl Store {
    /// A page of the spaces in `sight` that are not deleted.
    pub async fn spaces(
        &self,
        sight: Sight,
        filter: &SpaceFilter,
        request: PageRequest,
    ) -> Result<Page<Space>, StoreError> {
        let select = entity::space::Entity::find()
            .filter(seen_by(sight))
            .filter(entity::space::Column::DeletedAtMs.is_null())
            .filter(matching(filter));
        let rows = limit(select, entity::space::Column::Id, request)
            .all(&self.read)
            .await?;
        Page::from_query(rows, request).try_map(space)
    }

    /// The space in `sight`, deleted or not.
    pub async fn space(&self, sight: Sight, id: SpaceId) -> Result<Option<Space>, StoreError> {
        let row = entity::space::Entity::find_by_id(id.uuid())
            .filter(seen_by(sight))
            .one(&self.read)
            .await?;
        row.map(space).transpose()
    }

    /// The spaces in `sight` with these identifiers, deleted or not, in no order.
    pub async fn spaces_by_id(
        &self,
        sight: Sight,
        ids: &[SpaceId],
    ) -> Result<Vec<Space>, StoreError> {
        let rows = entity::space::Entity::find()
            .filter(seen_by(sight))
            .filter(entity::space::Column::Id.is_in(ids.iter().map(|id| id.uuid())))
            .all(&self.read)
            .await?;
        rows.into_iter().map(space).collect()
    }

    /// The space in `sight` with this name that is not deleted.
    pub async fn space_by_name(
        &self,
        sight: Sight,
        owner: UserId,
        name: &str,
    ) -> Result<Option<Space>, StoreError> {
        let row = entity::space::Entity::find()
            .filter(seen_by(sight))
            .filter(entity::space::Column::OwnerId.eq(owner.uuid()))
            .filter(entity::space::Column::Name.eq(name))
            .filter(entity::space::Column::DeletedAtMs.is_null())
            .one(&self.read)
            .await?;
        row.map(space).transpose()
    }

    /// One space as it is, and the position in the event log that includes exactly that.
    pub async fn space_with_cursor(
        &self,
        sight: Sight,
        id: SpaceId,
    ) -> Result<Option<(Cursor, Space)>, StoreError> {
        let moment = self.moment().await?;
        let cursor = events::head(&moment).await?;
        let row = entity::space::Entity::find_by_id(id.uuid())
            .filter(seen_by(sight))
            .one(&moment)
            .await?;
        row.map(|row| Ok((cursor, space(row)?))).transpose()
    }

    /// Every space in `sight` that is not deleted, and the position in the event log that
    /// includes exactly that.
    pub async fn spaces_with_cursor(
        &self,
        sight: Sight,
    ) -> Result<(Cursor, Vec<Space>), StoreError> {
        use sea_orm::QueryOrder;
        let moment = self.moment().await?;
        let cursor = events::head(&moment).await?;
        let rows = entity::space::Entity::find()
            .filter(seen_by(sight))
            .filter(entity::space::Column::DeletedAtMs.is_null())
            .order_by_asc(entity::space::Column::Id)
            .all(&moment)
            .await?;
        Ok((
            cursor,
            rows.into_iter().map(space).collect::<Result<_, _>>()?,
        ))
    }

    /// Every space that may need something done: what is under way, what runs, and what still
    /// lacks its volumes.
    pub async fn spaces_to_reconcile(&self) -> Result<Vec<Space>, StoreError> {
        use entity::space::Column;
        let busy = [
            Status::Starting,
            Status::Running,
            Status::Stopping,
            Status::Deleting,
        ];
        let rows = entity::space::Entity::find()
            .filter(
                Condition::any()
                    .add(Column::Status.is_in(busy.map(Status::as_str)))
                    .add(
                        Condition::all()
                            .add(Column::VolumesReady.eq(false))
                            .add(Column::DeletedAtMs.is_null()),
                    ),
            )
            .all(&self.read)
            .await?;
        rows.into_iter().map(space).collect()
    }
}

impl Change {
    /// The space, locked until the change ends. Lock its owner first when the change may consume
    /// quota.
    pub async fn space(&self, id: SpaceId) -> Result<Option<Space>, StoreError> {
        let row = entity::space::Entity::find_by_id(id.uuid())
            .lock_exclusive()
            .one(&self.transaction)
            .await?;
        row.map(space).transpose()
    }

    /// Whether a space of `owner` that is not deleted has this name.
    pub async fn space_name_taken(
        &self,
        owner: UserId,
        name: &SpaceName,
    ) -> Result<bool, StoreError> {
        use entity::space::Column;
        let count = entity::space::Entity::find()
            .filter(Column::OwnerId.eq(owner.uuid()))
            .filter(Column::Name.eq(name.as_str()))
            .filter(Column::DeletedAtMs.is_null())
            .count(&self.transaction)
            .await?;
        Ok(count > 0)
    }

    /// The space `owner` made with this key, deleted or not, and the fingerprint of the request.
    pub async fn space_by_idempotency_key(
        &self,
        owner: UserId,
        key: &str,
    ) -> Result<Option<(Space, String)>, StoreError> {
        let row = entity::space::Entity::find()
            .filter(entity::space::Column::OwnerId.eq(owner.uuid()))
            .filter(entity::space::Column::IdempotencyKey.eq(key))
            .one(&self.transaction)
            .await?;
        row.map(|row| {
            let print = row.idempotency_print.clone().unwrap_or_default();
            Ok((space(row)?, print))
        })
        .transpose()
    }

    /// Adds a space.
    pub async fn insert_space(&self, new: &NewSpace) -> Result<(), StoreError> {
        let mut row = row(&new.space);
        if let Some(Idempotency { key, print }) = new.idempotency.clone() {
            row.idempotency_key = Set(Some(key));
            row.idempotency_print = Set(Some(print));
        }
        entity::space::Entity::insert(row)
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(())
    }

    /// Writes a space. Its name becomes free when its status is deleted.
    pub async fn update_space(&self, space: &Space, now: Timestamp) -> Result<(), StoreError> {
        let mut row = row(space);
        if space.state.status == Status::Deleted {
            row.deleted_at_ms = Set(Some(now.as_millis()));
        }
        entity::space::Entity::update(row)
            .exec(&self.transaction)
            .await?;
        Ok(())
    }
}
