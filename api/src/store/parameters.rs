//! What fills the template variables of a space.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};
use spaceport_domain::id::SpaceId;
use spaceport_entity as entity;

use super::{Change, Store, StoreError};

/// A parameter as it is kept.
#[derive(Clone, Debug)]
pub struct StoredParameter {
    /// The variable it fills.
    pub name: String,
    /// The value; sealed when secret.
    pub value: String,
    /// Whether it is never shown again.
    pub secret: bool,
}

impl Store {
    /// The parameters of each of `spaces`, by name.
    pub async fn parameters(
        &self,
        spaces: &[SpaceId],
    ) -> Result<Vec<(SpaceId, StoredParameter)>, StoreError> {
        use entity::space_parameter::Column;
        use sea_orm::QueryOrder;
        let rows = entity::space_parameter::Entity::find()
            .filter(Column::SpaceId.is_in(spaces.iter().map(|space| space.uuid())))
            .order_by_asc(Column::Name)
            .all(&self.read)
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let parameter = StoredParameter {
                    name: row.name,
                    value: row.value,
                    secret: row.secret,
                };
                (SpaceId::new(row.space_id), parameter)
            })
            .collect())
    }
}

impl Change {
    /// Keeps the parameters of a new space.
    pub async fn insert_parameters(
        &self,
        space: SpaceId,
        parameters: Vec<StoredParameter>,
    ) -> Result<(), StoreError> {
        if parameters.is_empty() {
            return Ok(());
        }
        let rows = parameters
            .into_iter()
            .map(|parameter| entity::space_parameter::ActiveModel {
                space_id: Set(space.uuid()),
                name: Set(parameter.name),
                value: Set(parameter.value),
                secret: Set(parameter.secret),
            });
        entity::space_parameter::Entity::insert_many(rows)
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(())
    }

    /// Forgets the parameters of a space that is gone.
    pub async fn delete_parameters(&self, space: SpaceId) -> Result<(), StoreError> {
        entity::space_parameter::Entity::delete_many()
            .filter(entity::space_parameter::Column::SpaceId.eq(space.uuid()))
            .exec(&self.transaction)
            .await?;
        Ok(())
    }
}
