//! Users, their roles and groups, their sign-ins and tokens.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, boolean, text, uuid},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Run after the tables exist.
const STATEMENTS: &[&str] = &[
    "CREATE UNIQUE INDEX user_account_name ON user_account (name)",
    "CREATE UNIQUE INDEX role_name ON role (name)",
    "CREATE UNIQUE INDEX user_group_name ON user_group (name)",
    "CREATE INDEX group_member_user ON group_member (user_id)",
    "CREATE INDEX session_account ON session (user_id)",
    "CREATE UNIQUE INDEX api_token_hash ON api_token (hash)",
    "CREATE INDEX api_token_user ON api_token (user_id)",
];

#[expect(clippy::too_many_lines, reason = "one table after the other")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("user_account")
                    .col(uuid("id"))
                    .col(text("name"))
                    .col(text("display_name"))
                    .col(text("password_hash"))
                    .col(big_integer_null("limit_spaces"))
                    .col(big_integer_null("limit_compute_units"))
                    .col(big_integer_null("limit_storage_units"))
                    .col(big_integer_null("limit_tunnels"))
                    .col(big_integer("created_at_ms"))
                    .primary_key(Index::create().col("id"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("role")
                    .col(uuid("id"))
                    .col(text("name"))
                    .col(text("permissions"))
                    .col(boolean("built_in"))
                    .primary_key(Index::create().col("id"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("user_role")
                    .col(uuid("user_id"))
                    .col(uuid("role_id"))
                    .primary_key(Index::create().col("user_id").col("role_id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("user_role", "user_id")
                            .to("user_account", "id"),
                    )
                    .foreign_key(
                        ForeignKey::create()
                            .from("user_role", "role_id")
                            .to("role", "id"),
                    )
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("user_group")
                    .col(uuid("id"))
                    .col(text("name"))
                    .col(big_integer_null("limit_spaces"))
                    .col(big_integer_null("limit_compute_units"))
                    .col(big_integer_null("limit_storage_units"))
                    .col(big_integer_null("limit_tunnels"))
                    .col(big_integer("created_at_ms"))
                    .primary_key(Index::create().col("id"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("group_member")
                    .col(uuid("group_id"))
                    .col(uuid("user_id"))
                    .primary_key(Index::create().col("group_id").col("user_id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("group_member", "group_id")
                            .to("user_group", "id"),
                    )
                    .foreign_key(
                        ForeignKey::create()
                            .from("group_member", "user_id")
                            .to("user_account", "id"),
                    )
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("session")
                    .col(uuid("id"))
                    .col(uuid("user_id"))
                    .col(big_integer("created_at_ms"))
                    .col(big_integer("expires_at_ms"))
                    .col(big_integer_null("revoked_at_ms"))
                    .col(text("address"))
                    .primary_key(Index::create().col("id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("session", "user_id")
                            .to("user_account", "id"),
                    )
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("api_token")
                    .col(uuid("id"))
                    .col(uuid("user_id"))
                    .col(text("name"))
                    .col(text("hash"))
                    .col(big_integer("created_at_ms"))
                    .col(big_integer_null("expires_at_ms"))
                    .col(big_integer_null("revoked_at_ms"))
                    .primary_key(Index::create().col("id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("api_token", "user_id")
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
        for table in [
            "api_token",
            "session",
            "group_member",
            "user_group",
            "user_role",
            "role",
            "user_account",
        ] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}
