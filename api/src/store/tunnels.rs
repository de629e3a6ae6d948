//! Public hostnames.

use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Set};
use spaceport_domain::{
    access::Sight,
    event::Cursor,
    id::{SpaceId, TunnelId},
    tunnel::Tunnel,
};
use spaceport_entity as entity;

use super::{Change, Page, PageRequest, Store, StoreError, events, page::limit, rows};

fn seen_by(sight: Sight) -> Condition {
    match sight {
        Sight::All => Condition::all(),
        Sight::Of(owner) => Condition::all().add(entity::tunnel::Column::OwnerId.eq(owner.uuid())),
    }
}

impl Store {
    /// A page of the tunnels in `sight`.
    pub async fn tunnels(
        &self,
        sight: Sight,
        request: PageRequest,
    ) -> Result<Page<Tunnel>, StoreError> {
        let select = entity::tunnel::Entity::find().filter(seen_by(sight));
        let rows = limit(select, entity::tunnel::Column::Id, request)
            .all(&self.read)
            .await?;
        Page::from_query(rows, request).try_map(rows::tunnel)
    }

    /// The tunnel in `sight`.
    pub async fn tunnel(&self, sight: Sight, id: TunnelId) -> Result<Option<Tunnel>, StoreError> {
        let row = entity::tunnel::Entity::find_by_id(id.uuid())
            .filter(seen_by(sight))
            .one(&self.read)
            .await?;
        row.map(rows::tunnel).transpose()
    }

    /// The tunnels of each of `spaces`, oldest first.
    pub async fn tunnels_of(&self, spaces: &[SpaceId]) -> Result<Vec<Tunnel>, StoreError> {
        let rows = entity::tunnel::Entity::find()
            .filter(entity::tunnel::Column::SpaceId.is_in(spaces.iter().map(|space| space.uuid())))
            .order_by_asc(entity::tunnel::Column::Id)
            .all(&self.read)
            .await?;
        rows.into_iter().map(rows::tunnel).collect()
    }

    /// Every tunnel in `sight`, and the position in the event log that includes exactly that.
    pub async fn tunnels_with_cursor(
        &self,
        sight: Sight,
    ) -> Result<(Cursor, Vec<Tunnel>), StoreError> {
        let moment = self.moment().await?;
        let cursor = events::head(&moment).await?;
        let rows = entity::tunnel::Entity::find()
            .filter(seen_by(sight))
            .order_by_asc(entity::tunnel::Column::Id)
            .all(&moment)
            .await?;
        Ok((
            cursor,
            rows.into_iter()
                .map(rows::tunnel)
                .collect::<Result<_, _>>()?,
        ))
    }
}

impl Change {
    /// Whether a tunnel has this hostname.
    pub async fn host_taken(&self, host: &str) -> Result<bool, StoreError> {
        let count = entity::tunnel::Entity::find()
            .filter(entity::tunnel::Column::Host.eq(host))
            .count(&self.transaction)
            .await?;
        Ok(count > 0)
    }

    /// The tunnels of a space.
    pub async fn tunnels_of_space(&self, space: SpaceId) -> Result<Vec<Tunnel>, StoreError> {
        let rows = entity::tunnel::Entity::find()
            .filter(entity::tunnel::Column::SpaceId.eq(space.uuid()))
            .all(&self.transaction)
            .await?;
        rows.into_iter().map(rows::tunnel).collect()
    }

    /// Adds a tunnel.
    pub async fn insert_tunnel(&self, tunnel: &Tunnel) -> Result<(), StoreError> {
        let row = entity::tunnel::ActiveModel {
            id: Set(tunnel.id.uuid()),
            space_id: Set(tunnel.space_id.uuid()),
            owner_id: Set(tunnel.owner_id.uuid()),
            name: Set(tunnel.name.as_str().to_owned()),
            port: Set(i32::from(tunnel.port)),
            host: Set(tunnel.host.clone()),
            enabled: Set(tunnel.enabled),
            created_at_ms: Set(tunnel.created_at.as_millis()),
        };
        entity::tunnel::Entity::insert(row)
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(())
    }

    /// The tunnel, in whosesoever hands it is.
    pub async fn tunnel(&self, id: TunnelId) -> Result<Option<Tunnel>, StoreError> {
        let row = entity::tunnel::Entity::find_by_id(id.uuid())
            .one(&self.transaction)
            .await?;
        row.map(rows::tunnel).transpose()
    }

    /// Writes what can change of a tunnel while its owner stays.
    pub async fn update_tunnel(&self, tunnel: &Tunnel) -> Result<(), StoreError> {
        let row = entity::tunnel::ActiveModel {
            id: Set(tunnel.id.uuid()),
            name: Set(tunnel.name.as_str().to_owned()),
            port: Set(i32::from(tunnel.port)),
            host: Set(tunnel.host.clone()),
            enabled: Set(tunnel.enabled),
            ..entity::tunnel::ActiveModel::default()
        };
        entity::tunnel::Entity::update(row)
            .exec(&self.transaction)
            .await?;
        Ok(())
    }

    /// Removes a tunnel; says whether there was one.
    pub async fn delete_tunnel(&self, id: TunnelId) -> Result<bool, StoreError> {
        let deleted = entity::tunnel::Entity::delete_by_id(id.uuid())
            .exec(&self.transaction)
            .await?;
        Ok(deleted.rows_affected > 0)
    }
}
