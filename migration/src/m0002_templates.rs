//! Templates, their versions and who is offered them.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, boolean, integer, text, uuid},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Run after the tables exist.
const STATEMENTS: &[&str] = &[
    "CREATE UNIQUE INDEX template_name ON template (name) WHERE deleted_at_ms IS NULL",
    "CREATE UNIQUE INDEX template_version_number ON template_version (template_id, number)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("template")
                    .col(uuid("id"))
                    .col(text("name"))
                    .col(text("description"))
                    .col(boolean("for_everybody"))
                    .col(uuid("current_version_id"))
                    .col(big_integer("created_at_ms"))
                    .col(big_integer_null("deleted_at_ms"))
                    .primary_key(Index::create().col("id"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("template_version")
                    .col(uuid("id"))
                    .col(uuid("template_id"))
                    .col(integer("number"))
                    .col(text("blueprint"))
                    .col(big_integer("created_at_ms"))
                    .primary_key(Index::create().col("id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("template_version", "template_id")
                            .to("template", "id"),
                    )
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("template_group")
                    .col(uuid("template_id"))
                    .col(uuid("group_id"))
                    .primary_key(Index::create().col("template_id").col("group_id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("template_group", "template_id")
                            .to("template", "id"),
                    )
                    .foreign_key(
                        ForeignKey::create()
                            .from("template_group", "group_id")
                            .to("user_group", "id"),
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
        for table in ["template_group", "template_version", "template"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}
