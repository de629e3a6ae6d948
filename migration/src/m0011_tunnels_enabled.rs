//! Tunnels that are kept and let nobody in.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const UP: &str = "ALTER TABLE tunnel ADD COLUMN enabled BOOLEAN NOT NULL DEFAULT TRUE";

/// Without the column every tunnel is open, so those that are not must go.
const DOWN: &[&str] = &[
    "DELETE FROM tunnel WHERE NOT enabled",
    "ALTER TABLE tunnel DROP COLUMN enabled",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(UP).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in DOWN {
            manager
                .get_connection()
                .execute_unprepared(statement)
                .await?;
        }
        Ok(())
    }
}
