//! Volumes of spaces.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set, sea_query::Expr};
use spaceport_domain::id::{SpaceId, VolumeId};
use spaceport_entity as entity;

use super::{Change, Store, StoreError, rows::corrupt};

/// A volume of a space.
#[derive(Clone, Debug)]
pub struct Volume {
    /// Which volume.
    pub id: VolumeId,
    /// The space it belongs to.
    pub space_id: SpaceId,
    /// Its name in the template.
    pub name: String,
    /// Where it is mounted.
    pub mount_path: String,
    /// Its declared size in GiB.
    pub size_gib: u32,
    /// Whether the kernel holds it to its size; `None` until it exists.
    pub enforced: Option<bool>,
}

impl Store {
    /// The volumes of each of `spaces`, in the order of their declaration.
    pub async fn volumes_of(&self, spaces: &[SpaceId]) -> Result<Vec<Volume>, StoreError> {
        let rows = entity::volume::Entity::find()
            .filter(entity::volume::Column::SpaceId.is_in(spaces.iter().map(|space| space.uuid())))
            .order_by_asc(entity::volume::Column::Id)
            .all(&self.read)
            .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Volume {
                    id: VolumeId::new(row.id),
                    space_id: SpaceId::new(row.space_id),
                    name: row.name,
                    mount_path: row.mount_path,
                    size_gib: u32::try_from(row.size_gib)
                        .map_err(|_| corrupt("volume", "size_gib"))?,
                    enforced: row.enforced,
                })
            })
            .collect()
    }
}

impl Change {
    /// Adds the volumes of a new space.
    pub async fn insert_volumes(&self, volumes: &[Volume]) -> Result<(), StoreError> {
        if volumes.is_empty() {
            return Ok(());
        }
        let rows = volumes.iter().map(|volume| entity::volume::ActiveModel {
            id: Set(volume.id.uuid()),
            space_id: Set(volume.space_id.uuid()),
            name: Set(volume.name.clone()),
            mount_path: Set(volume.mount_path.clone()),
            size_gib: Set(i32::try_from(volume.size_gib).unwrap_or(i32::MAX)),
            enforced: Set(volume.enforced),
        });
        entity::volume::Entity::insert_many(rows)
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(())
    }

    /// Writes down whether a volume that now exists is held to its size.
    pub async fn set_enforced(&self, id: VolumeId, enforced: bool) -> Result<(), StoreError> {
        entity::volume::Entity::update_many()
            .col_expr(entity::volume::Column::Enforced, Expr::value(enforced))
            .filter(entity::volume::Column::Id.eq(id.uuid()))
            .exec(&self.transaction)
            .await?;
        Ok(())
    }

    /// Forgets the volumes of a space that is gone.
    pub async fn delete_volumes(&self, space: SpaceId) -> Result<(), StoreError> {
        entity::volume::Entity::delete_many()
            .filter(entity::volume::Column::SpaceId.eq(space.uuid()))
            .exec(&self.transaction)
            .await?;
        Ok(())
    }
}
