//! The outbox and the audit log.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, integer, text, uuid, uuid_null},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Run after the tables exist.
const STATEMENTS: &[&str] = &[
    "INSERT INTO event_head (id, seq) VALUES (1, 0)",
    "CREATE INDEX audit_entry_actor ON audit_entry (actor_id)",
    "CREATE INDEX audit_entry_subject ON audit_entry (subject)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("event")
                    .col(big_integer("seq"))
                    .col(big_integer("at_ms"))
                    .col(text("body"))
                    .primary_key(Index::create().col("seq"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("event_head")
                    .col(integer("id"))
                    .col(big_integer("seq"))
                    .primary_key(Index::create().col("id"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("audit_entry")
                    .col(uuid("id"))
                    .col(big_integer("at_ms"))
                    .col(uuid_null("actor_id"))
                    .col(text("actor_name"))
                    .col(text("action"))
                    .col(text("subject"))
                    .col(text("address"))
                    .col(text("detail"))
                    .primary_key(Index::create().col("id"))
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
        for table in ["audit_entry", "event_head", "event"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}
