//! What users may consume and what they do.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, Func},
};
use spaceport_domain::{
    id::UserId,
    lifecycle::Status,
    quota::{Limits, Units, effective},
};
use spaceport_entity as entity;
use uuid::Uuid;

use super::{
    Change, Store, StoreError,
    rows::{group_limits, user_limits},
};

#[derive(FromQueryResult)]
struct SpaceSums {
    owner_id: Uuid,
    spaces: i64,
    compute_units: i64,
    storage_units: i64,
}

#[derive(FromQueryResult)]
struct TunnelCount {
    owner_id: Uuid,
    tunnels: i64,
}

/// What users may consume and what they do.
pub type Quotas = HashMap<UserId, (Limits, Units)>;

/// Reads the quotas of `users` in as many statements for many as for one. The sums are over what
/// is there, never over counters that could drift from it.
async fn quotas(
    connection: &impl ConnectionTrait,
    users: Vec<entity::user::Model>,
) -> Result<Quotas, StoreError> {
    let ids: Vec<Uuid> = users.iter().map(|user| user.id).collect();
    let granted = granted(connection, &ids).await?;
    let mut used = usage(connection, &ids).await?;
    let quota = |user: &entity::user::Model| {
        let groups = granted
            .iter()
            .filter(|(id, _)| *id == user.id)
            .map(|(_, limits)| limits);
        let limits = effective(&user_limits(user), groups);
        (
            UserId::new(user.id),
            (limits, used.remove(&user.id).unwrap_or_default()),
        )
    };
    Ok(users.iter().map(quota).collect())
}

async fn usage(
    connection: &impl ConnectionTrait,
    users: &[Uuid],
) -> Result<HashMap<Uuid, Units>, StoreError> {
    use entity::{space, tunnel};
    let consuming = Status::ALL
        .into_iter()
        .filter(|status| status.consumes_compute());
    let compute = Expr::case(
        space::Column::Status.is_in(consuming.map(Status::as_str)),
        Expr::col(space::Column::ComputeUnits),
    )
    .finally(0);
    let sum = |of: Expr| {
        Expr::from(Func::coalesce([Expr::from(Func::sum(of)), Expr::val(0)])).cast_as("BIGINT")
    };
    let spaces = space::Entity::find()
        .select_only()
        .column(space::Column::OwnerId)
        .column_as(space::Column::Id.count(), "spaces")
        .column_as(sum(compute.into()), "compute_units")
        .column_as(sum(Expr::col(space::Column::StorageUnits)), "storage_units")
        .filter(space::Column::OwnerId.is_in(users.iter().copied()))
        .filter(space::Column::Status.ne(Status::Deleted.as_str()))
        .group_by(space::Column::OwnerId)
        .into_model::<SpaceSums>()
        .all(connection)
        .await?;
    let tunnels = tunnel::Entity::find()
        .select_only()
        .column(tunnel::Column::OwnerId)
        .column_as(tunnel::Column::Id.count(), "tunnels")
        .filter(tunnel::Column::OwnerId.is_in(users.iter().copied()))
        .group_by(tunnel::Column::OwnerId)
        .into_model::<TunnelCount>()
        .all(connection)
        .await?;
    let mut usage = HashMap::<Uuid, Units>::new();
    for sums in spaces {
        let units = usage.entry(sums.owner_id).or_default();
        units.spaces = sums.spaces;
        units.compute_units = sums.compute_units;
        units.storage_units = sums.storage_units;
    }
    for count in tunnels {
        usage.entry(count.owner_id).or_default().tunnels = count.tunnels;
    }
    Ok(usage)
}

/// What groups grant to each of `users`.
async fn granted(
    connection: &impl ConnectionTrait,
    users: &[Uuid],
) -> Result<Vec<(Uuid, Limits)>, StoreError> {
    let memberships = entity::group_member::Entity::find()
        .filter(entity::group_member::Column::UserId.is_in(users.iter().copied()))
        .all(connection)
        .await?;
    let groups = entity::group::Entity::find()
        .filter(entity::group::Column::Id.is_in(memberships.iter().map(|row| row.group_id)))
        .all(connection)
        .await?;
    let limits = |id| groups.iter().find(|group| group.id == id).map(group_limits);
    Ok(memberships
        .into_iter()
        .filter_map(|row| Some((row.user_id, limits(row.group_id)?)))
        .collect())
}

impl Store {
    /// Effective limits and usage of `users`; who doesn't exist is left out.
    pub async fn quotas(&self, users: &[UserId]) -> Result<Quotas, StoreError> {
        let moment = self.moment().await?;
        let rows = entity::user::Entity::find()
            .filter(entity::user::Column::Id.is_in(users.iter().map(|user| user.uuid())))
            .all(&moment)
            .await?;
        quotas(&moment, rows).await
    }
}

impl Change {
    /// Locks a user's row, so that what they consume is decided by one change at a time, and says
    /// what they may consume and do. `None` when there is no such user, or no longer.
    pub async fn lock_quota(&self, user: UserId) -> Result<Option<(Limits, Units)>, StoreError> {
        let row = entity::user::Entity::find_by_id(user.uuid())
            .filter(entity::user::Column::DeletedAtMs.is_null())
            .lock_exclusive()
            .one(&self.transaction)
            .await?;
        let rows = row.into_iter().collect();
        Ok(quotas(&self.transaction, rows).await?.remove(&user))
    }
}
