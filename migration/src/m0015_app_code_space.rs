//! Which space a one-time code with which a browser enters an app is for.

use sea_orm_migration::{prelude::*, schema::uuid_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// Codes that there are, for a minute at most, are for none, and whoever has one signs in again.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table("app_code")
            .add_column(uuid_null("space_id"))
            .take();
        manager.alter_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table("app_code")
            .drop_column("space_id")
            .take();
        manager.alter_table(table).await
    }
}
