//! What the edge must know of spaces, read from one moment.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};
use spaceport_domain::{event::Cursor, id::SpaceId, share::Share, space::Space, tunnel::Tunnel};
use spaceport_entity as entity;

use super::{Store, StoreError, events, rows, shares::share};

/// A space with everything that leads into it.
#[derive(Clone, Debug)]
pub struct RoutedSpace {
    /// The space.
    pub space: Space,
    /// Whom it is shared with.
    pub shares: Vec<Share>,
    /// The public hostnames into it.
    pub tunnels: Vec<Tunnel>,
}

async fn routed(
    connection: &impl ConnectionTrait,
    wanted: Condition,
) -> Result<Vec<RoutedSpace>, StoreError> {
    use entity::{space, space_share, tunnel};
    let spaces = space::Entity::find().filter(wanted).all(connection).await?;
    let ids: Vec<_> = spaces.iter().map(|row| row.id).collect();
    // One space, or all of them: naming each of many would make a statement without bound.
    let only = (ids.len() == 1).then(|| ids[0]);
    let of = |column: &dyn Fn(uuid::Uuid) -> sea_orm::sea_query::Expr| {
        only.map_or_else(Condition::all, |id| Condition::all().add(column(id)))
    };
    let tunnels = tunnel::Entity::find()
        .filter(of(&|id| tunnel::Column::SpaceId.eq(id)))
        .all(connection)
        .await?;
    let shares = space_share::Entity::find()
        .filter(of(&|id| space_share::Column::SpaceId.eq(id)))
        .all(connection)
        .await?;
    let mut tunnels_of = HashMap::<SpaceId, Vec<Tunnel>>::new();
    for row in tunnels {
        let tunnel = rows::tunnel(row)?;
        tunnels_of.entry(tunnel.space_id).or_default().push(tunnel);
    }
    let mut shares_of = HashMap::<SpaceId, Vec<Share>>::new();
    for share in shares.into_iter().map(share) {
        shares_of.entry(share.space_id).or_default().push(share);
    }
    let with_both = |row| {
        let space = rows::space(row)?;
        Ok(RoutedSpace {
            shares: shares_of.remove(&space.id).unwrap_or_default(),
            tunnels: tunnels_of.remove(&space.id).unwrap_or_default(),
            space,
        })
    };
    spaces.into_iter().map(with_both).collect()
}

impl Store {
    /// Every space that is not deleted, with what leads into it, and the position in the event log
    /// that includes exactly that.
    pub async fn routed_spaces_with_cursor(
        &self,
    ) -> Result<(Cursor, Vec<RoutedSpace>), StoreError> {
        let moment = self.moment().await?;
        let cursor = events::head(&moment).await?;
        let wanted = Condition::all().add(entity::space::Column::DeletedAtMs.is_null());
        Ok((cursor, routed(&moment, wanted).await?))
    }

    /// One space, deleted or not, with what leads into it.
    pub async fn routed_space(&self, id: SpaceId) -> Result<Option<RoutedSpace>, StoreError> {
        let moment = self.moment().await?;
        let wanted = Condition::all().add(entity::space::Column::Id.eq(id.uuid()));
        Ok(routed(&moment, wanted).await?.pop())
    }
}
