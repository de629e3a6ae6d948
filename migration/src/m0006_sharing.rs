//! Spaces shared with other users, and whose access an event changed.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, uuid, uuid_null},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Run after the tables exist.
const STATEMENTS: &[&str] = &[
    "CREATE INDEX space_share_user ON space_share (user_id)",
    "CREATE INDEX event_access ON event (access_user_id, seq)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("space_share")
                    .col(uuid("space_id"))
                    .col(uuid("user_id"))
                    .col(big_integer("created_at_ms"))
                    .primary_key(Index::create().col("space_id").col("user_id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("space_share", "space_id")
                            .to("space", "id"),
                    )
                    .foreign_key(
                        ForeignKey::create()
                            .from("space_share", "user_id")
                            .to("user_account", "id"),
                    )
                    .take(),
            )
            .await?;
        manager
            .alter_table(
                Table::alter()
                    .table("event")
                    .add_column(uuid_null("access_user_id"))
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
        manager
            .get_connection()
            .execute_unprepared("DROP INDEX event_access")
            .await?;
        manager
            .alter_table(
                Table::alter()
                    .table("event")
                    .drop_column("access_user_id")
                    .take(),
            )
            .await?;
        manager
            .drop_table(Table::drop().table("space_share").take())
            .await
    }
}
