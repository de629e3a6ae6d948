//! Spaces with their parameters and volumes.

use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, big_integer_null, boolean, boolean_null, integer, text, text_null, uuid,
    },
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Run after the tables exist.
const STATEMENTS: &[&str] = &[
    "CREATE UNIQUE INDEX space_name ON space (owner_id, name) WHERE deleted_at_ms IS NULL",
    "CREATE UNIQUE INDEX space_idempotency_key ON space (owner_id, idempotency_key)",
    "CREATE INDEX space_status ON space (status)",
    "CREATE INDEX space_template ON space (template_id)",
    "CREATE INDEX volume_space ON volume (space_id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("space")
                    .col(uuid("id"))
                    .col(uuid("owner_id"))
                    .col(text("name"))
                    .col(text("description"))
                    .col(uuid("template_id"))
                    .col(uuid("template_version_id"))
                    .col(text("status"))
                    .col(text("desired"))
                    .col(integer("instance"))
                    .col(big_integer_null("deadline_ms"))
                    .col(boolean("volumes_ready"))
                    .col(text_null("failure"))
                    .col(text_null("address"))
                    .col(big_integer("compute_units"))
                    .col(big_integer("storage_units"))
                    .col(big_integer("created_at_ms"))
                    .col(big_integer_null("started_at_ms"))
                    .col(big_integer_null("stopped_at_ms"))
                    .col(big_integer_null("deleted_at_ms"))
                    .col(big_integer("revision"))
                    .col(text_null("idempotency_key"))
                    .col(text_null("idempotency_print"))
                    .primary_key(Index::create().col("id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("space", "owner_id")
                            .to("user_account", "id"),
                    )
                    .foreign_key(
                        ForeignKey::create()
                            .from("space", "template_version_id")
                            .to("template_version", "id"),
                    )
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("space_parameter")
                    .col(uuid("space_id"))
                    .col(text("name"))
                    .col(text("value"))
                    .col(boolean("secret"))
                    .primary_key(Index::create().col("space_id").col("name"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("space_parameter", "space_id")
                            .to("space", "id"),
                    )
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("volume")
                    .col(uuid("id"))
                    .col(uuid("space_id"))
                    .col(text("name"))
                    .col(text("mount_path"))
                    .col(integer("size_gib"))
                    .col(boolean_null("enforced"))
                    .primary_key(Index::create().col("id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("volume", "space_id")
                            .to("space", "id"),
                    )
                    .take(),
            )
            .await?;
        for statement in STATEMENTS {
            manager
                .get_connection()
                .execute_unprepared(statement)
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["volume", "space_parameter", "space"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}
