//! Users who were disabled or deleted. The name of a deleted user is free.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const UP: &[&str] = &[
    "ALTER TABLE user_account ADD COLUMN disabled_at_ms BIGINT",
    "ALTER TABLE user_account ADD COLUMN deleted_at_ms BIGINT",
    "DROP INDEX user_account_name",
    "CREATE UNIQUE INDEX user_account_name ON user_account (name) WHERE deleted_at_ms IS NULL",
];

/// Gives deleted users names of their own, because the old index has no place for two of the same.
/// They can't sign in with them: they have no password.
const DOWN: &[&str] = &[
    "UPDATE user_account SET name = 'deleted-' || CAST(created_at_ms AS TEXT) WHERE deleted_at_ms IS NOT NULL",
    "DROP INDEX user_account_name",
    "CREATE UNIQUE INDEX user_account_name ON user_account (name)",
    "ALTER TABLE user_account DROP COLUMN deleted_at_ms",
    "ALTER TABLE user_account DROP COLUMN disabled_at_ms",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in UP {
            manager
                .get_connection()
                .execute_unprepared(statement)
                .await?;
        }
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
