//! Who may come in, and what they did.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, json_binary, string, string_null, uuid, uuid_null,
};

use crate::with_history;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(api_key()).await?;
        manager.create_table(audit_event()).await?;
        manager
            .create_index(
                Index::create()
                    .name("audit_event_license")
                    .table("audit_event")
                    .col("license_id")
                    .col("id")
                    .to_owned(),
            )
            .await
    }
}

fn api_key() -> TableCreateStatement {
    with_history(
        Table::create()
            .table("api_key")
            .col(uuid("id").primary_key())
            .col(string("name"))
            .col(string("origin"))
            .col(binary("secret_digest"))
            .col(json_binary("permissions"))
            .col(big_integer_null("expires_at"))
            .col(big_integer_null("revoked_at")),
    )
    .index(Index::create().unique().name("api_key_secret_digest").col("secret_digest"))
    .to_owned()
}

fn audit_event() -> TableCreateStatement {
    Table::create()
        .table("audit_event")
        .col(uuid("id").primary_key())
        .col(big_integer("at"))
        .col(string("actor_kind"))
        .col(string_null("actor_id"))
        .col(string("action"))
        .col(string("subject"))
        .col(uuid_null("license_id"))
        .col(json_binary("detail"))
        .col(string_null("ip"))
        .col(string_null("request_id"))
        .to_owned()
}
