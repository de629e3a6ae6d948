//! Spaces and tunnels that get another owner.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set};
use spaceport_domain::{id::SpaceId, space::Space, time::Timestamp, tunnel::Tunnel};
use spaceport_entity as entity;

use super::{Change, StoreError, rows};

impl Change {
    /// The tunnels into each of `spaces`.
    pub async fn tunnels_of_spaces(&self, spaces: &[SpaceId]) -> Result<Vec<Tunnel>, StoreError> {
        use entity::tunnel::Column;
        let rows = entity::tunnel::Entity::find()
            .filter(Column::SpaceId.is_in(spaces.iter().map(|space| space.uuid())))
            .order_by_asc(Column::Id)
            .all(&self.transaction)
            .await?;
        rows.into_iter().map(rows::tunnel).collect()
    }

    /// Writes a space whose owner is another now. Requests of its former owner are no longer
    /// recognised as repeated.
    pub async fn hand_over_space(&self, space: &Space, now: Timestamp) -> Result<(), StoreError> {
        let row = entity::space::ActiveModel {
            id: Set(space.id.uuid()),
            idempotency_key: Set(None),
            idempotency_print: Set(None),
            ..entity::space::ActiveModel::default()
        };
        entity::space::Entity::update(row)
            .exec(&self.transaction)
            .await?;
        self.update_space(space, now).await
    }

    /// Writes a tunnel whose owner, and with it the hostname, is another now.
    pub async fn hand_over_tunnel(&self, tunnel: &Tunnel) -> Result<(), StoreError> {
        let row = entity::tunnel::ActiveModel {
            id: Set(tunnel.id.uuid()),
            owner_id: Set(tunnel.owner_id.uuid()),
            host: Set(tunnel.host.clone()),
            ..entity::tunnel::ActiveModel::default()
        };
        entity::tunnel::Entity::update(row)
            .exec(&self.transaction)
            .await?;
        Ok(())
    }
}
