//! Public hostnames.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, integer, text, uuid},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Run after the tables exist.
const STATEMENTS: &[&str] = &[
    "CREATE UNIQUE INDEX tunnel_host ON tunnel (host)",
    "CREATE UNIQUE INDEX tunnel_name ON tunnel (owner_id, name)",
    "CREATE INDEX tunnel_space ON tunnel (space_id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("tunnel")
                    .col(uuid("id"))
                    .col(uuid("space_id"))
                    .col(uuid("owner_id"))
                    .col(text("name"))
                    .col(integer("port"))
                    .col(text("host"))
                    .col(big_integer("created_at_ms"))
                    .primary_key(Index::create().col("id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("tunnel", "space_id")
                            .to("space", "id"),
                    )
                    .foreign_key(
                        ForeignKey::create()
                            .from("tunnel", "owner_id")
                            .to("user_account", "id"),
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
        for table in ["tunnel"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}
