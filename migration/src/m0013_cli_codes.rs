//! One-time codes with which command lines sign in.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text, uuid},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Run after the table exists.
const INDEX: &str = "CREATE INDEX cli_code_user ON cli_code (user_id)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let refers = |column: &'static str, table: &'static str| {
            ForeignKey::create()
                .from("cli_code", column)
                .to(table, "id")
                .on_delete(ForeignKeyAction::Cascade)
                .take()
        };
        manager
            .create_table(
                Table::create()
                    .table("cli_code")
                    .col(text("code_hash"))
                    .col(uuid("user_id"))
                    .col(uuid("session_id"))
                    .col(text("challenge"))
                    .col(big_integer("expires_at_ms"))
                    .primary_key(Index::create().col("code_hash"))
                    .foreign_key(&mut refers("user_id", "user_account"))
                    .foreign_key(&mut refers("session_id", "session"))
                    .take(),
            )
            .await?;
        manager.get_connection().execute_unprepared(INDEX).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("cli_code").take())
            .await
    }
}
