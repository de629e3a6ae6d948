//! What a user may consume and what they do.

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter,
    QuerySelect, Statement,
};
use spaceport_domain::{
    id::UserId,
    quota::{Limits, Units, effective},
};
use spaceport_entity as entity;

use super::{
    Change, Store, StoreError,
    rows::{group_limits, user_limits},
};

/// The sums are over what is there, never over counters that could drift from it.
const USAGE: &str = "SELECT COUNT(*) AS spaces, \
     CAST(COALESCE(SUM(CASE WHEN status IN ('STARTING', 'RUNNING', 'STOPPING') \
         THEN compute_units ELSE 0 END), 0) AS BIGINT) AS compute_units, \
     CAST(COALESCE(SUM(storage_units), 0) AS BIGINT) AS storage_units \
     FROM space WHERE owner_id = $1 AND status <> 'DELETED'";

#[derive(FromQueryResult)]
struct SpaceSums {
    spaces: i64,
    compute_units: i64,
    storage_units: i64,
}

async fn usage(connection: &impl ConnectionTrait, user: UserId) -> Result<Units, StoreError> {
    let statement = Statement::from_sql_and_values(
        connection.get_database_backend(),
        USAGE,
        [user.uuid().into()],
    );
    let sums = SpaceSums::find_by_statement(statement)
        .one(connection)
        .await?;
    let tunnels = entity::tunnel::Entity::find()
        .filter(entity::tunnel::Column::OwnerId.eq(user.uuid()))
        .count(connection)
        .await?;
    let tunnels = i64::try_from(tunnels).unwrap_or(i64::MAX);
    Ok(sums.map_or_else(
        || Units {
            tunnels,
            ..Units::default()
        },
        |sums| Units {
            spaces: sums.spaces,
            compute_units: sums.compute_units,
            storage_units: sums.storage_units,
            tunnels,
        },
    ))
}

async fn granted(
    connection: &impl ConnectionTrait,
    user: &entity::user::Model,
) -> Result<Limits, StoreError> {
    let memberships = entity::group_member::Entity::find()
        .filter(entity::group_member::Column::UserId.eq(user.id))
        .all(connection)
        .await?;
    let ids = memberships.into_iter().map(|row| row.group_id);
    let groups = entity::group::Entity::find()
        .filter(entity::group::Column::Id.is_in(ids))
        .all(connection)
        .await?;
    let groups: Vec<_> = groups.iter().map(group_limits).collect();
    Ok(effective(&user_limits(user), &groups))
}

impl Store {
    /// A user's effective limits and usage; `None` when there is no such user.
    pub async fn quota(&self, user: UserId) -> Result<Option<(Limits, Units)>, StoreError> {
        let moment = self.moment().await?;
        let Some(row) = entity::user::Entity::find_by_id(user.uuid())
            .one(&moment)
            .await?
        else {
            return Ok(None);
        };
        Ok(Some((
            granted(&moment, &row).await?,
            usage(&moment, user).await?,
        )))
    }
}

impl Change {
    /// Locks a user's row, so that what they consume is decided by one change at a time, and says
    /// what they may consume and do. `None` when there is no such user.
    pub async fn lock_quota(&self, user: UserId) -> Result<Option<(Limits, Units)>, StoreError> {
        let row = entity::user::Entity::find_by_id(user.uuid())
            .lock_exclusive()
            .one(&self.transaction)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let limits = granted(&self.transaction, &row).await?;
        Ok(Some((limits, usage(&self.transaction, user).await?)))
    }
}
