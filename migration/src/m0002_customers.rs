//! Customers.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{json_binary, string_null, uuid};

use crate::with_history;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let customer = with_history(
            Table::create()
                .table("customer")
                .col(uuid("id").primary_key())
                .col(string_null("external_id"))
                .col(string_null("name"))
                .col(string_null("organization"))
                .col(string_null("email"))
                .col(string_null("notes"))
                .col(json_binary("metadata")),
        )
        .index(Index::create().unique().name("customer_external_id").col("external_id"))
        .to_owned();
        manager.create_table(customer).await
    }
}
