//! How the apps of spaces are.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{CaseStatement, LockBehavior, LockType},
};
use spaceport_domain::{
    event::{EventBody, SpaceChange},
    id::{SpaceId, UserId},
    lifecycle::Status,
    space::{Space, SpaceApp},
};
use spaceport_entity as entity;

use super::{
    Change, Store, StoreError,
    rows::{space, to_json},
    shares::shares_of,
};

/// How the apps of one start of a space are.
#[derive(Clone, Debug)]
pub struct AppsReport {
    /// The space.
    pub space: SpaceId,
    /// The number of the start.
    pub instance: u32,
    /// All of its apps.
    pub apps: Vec<SpaceApp>,
}

impl Store {
    /// The spaces whose agents can be asked.
    pub async fn spaces_with_agents(&self) -> Result<Vec<Space>, StoreError> {
        use entity::space::Column;
        let rows = entity::space::Entity::find()
            .filter(Column::Status.eq(Status::Running.as_str()))
            .filter(Column::Address.is_not_null())
            .filter(Column::AgentVersion.is_not_null())
            .all(&self.read)
            .await?;
        rows.into_iter().map(space).collect()
    }
}

impl Change {
    /// Writes down and tells how the apps of spaces are, where that is news of the start that runs.
    /// A space that somebody else is changing is left out, so that nobody waits for each other.
    /// However many there are, it takes as many statements. Says of how many there was news.
    pub async fn report_apps(&mut self, reports: Vec<AppsReport>) -> Result<usize, StoreError> {
        use entity::space::Column;
        let ids = reports.iter().map(|report| report.space.uuid());
        let rows = entity::space::Entity::find()
            .filter(Column::Id.is_in(ids))
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .all(&self.transaction)
            .await?;
        let mut reports: HashMap<_, _> = reports.into_iter().map(|it| (it.space, it)).collect();
        let mut changed = Vec::new();
        for row in rows {
            let mut space = space(row)?;
            let Some(report) = reports.remove(&space.id) else {
                continue;
            };
            let is_of_this_start =
                space.state.status == Status::Running && space.state.instance == report.instance;
            if is_of_this_start && space.apps.as_ref() != Some(&report.apps) {
                space.apps = Some(report.apps);
                changed.push(space);
            }
        }
        if changed.is_empty() {
            return Ok(0);
        }
        let ids: Vec<_> = changed.iter().map(|space| space.id).collect();
        let apps = changed.iter().fold(CaseStatement::new(), |case, space| {
            case.case(Column::Id.eq(space.id.uuid()), to_json(&space.apps))
        });
        entity::space::Entity::update_many()
            .col_expr(Column::Apps, apps.into())
            .filter(Column::Id.is_in(ids.iter().map(|id| id.uuid())))
            .exec(&self.transaction)
            .await?;
        let mut shared_with = HashMap::<SpaceId, Vec<UserId>>::new();
        for share in shares_of(&self.transaction, &ids).await? {
            shared_with
                .entry(share.space_id)
                .or_default()
                .push(share.user_id);
        }
        let count = changed.len();
        for space in changed {
            self.emit(EventBody::Space {
                change: SpaceChange::Apps,
                shared_with: shared_with.remove(&space.id).unwrap_or_default(),
                space,
                lost_by: Vec::new(),
            });
        }
        Ok(count)
    }
}
