//! Where and when sign-ins and tokens are used, what tokens may be used for, and SSH keys.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, text, uuid},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// A token made before there were scopes could do whatever its user could.
const COLUMNS: &[&str] = &[
    "ALTER TABLE session ADD COLUMN user_agent TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE session ADD COLUMN last_used_at_ms BIGINT",
    "ALTER TABLE api_token ADD COLUMN scopes TEXT NOT NULL \
     DEFAULT '[\"READ\",\"SPACES\",\"ACCOUNT\",\"ADMINISTRATION\"]'",
    "ALTER TABLE api_token ADD COLUMN last_used_at_ms BIGINT",
];

const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX ssh_key_fingerprint ON ssh_key (fingerprint)",
    "CREATE INDEX ssh_key_user ON ssh_key (user_id)",
];

const DOWN: &[&str] = &[
    "ALTER TABLE api_token DROP COLUMN last_used_at_ms",
    "ALTER TABLE api_token DROP COLUMN scopes",
    "ALTER TABLE session DROP COLUMN last_used_at_ms",
    "ALTER TABLE session DROP COLUMN user_agent",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, COLUMNS).await?;
        manager
            .create_table(
                Table::create()
                    .table("ssh_key")
                    .col(uuid("id"))
                    .col(uuid("user_id"))
                    .col(text("name"))
                    .col(text("algorithm"))
                    .col(text("fingerprint"))
                    .col(text("public_key"))
                    .col(big_integer("created_at_ms"))
                    .col(big_integer_null("last_used_at_ms"))
                    .primary_key(Index::create().col("id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("ssh_key", "user_id")
                            .to("user_account", "id"),
                    )
                    .take(),
            )
            .await?;
        execute(manager, INDEXES).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("ssh_key").take())
            .await?;
        execute(manager, DOWN).await
    }
}

async fn execute(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    for statement in statements {
        manager
            .get_connection()
            .execute_unprepared(statement)
            .await?;
    }
    Ok(())
}
