//! API keys that rotate, that know from where they may be used, and when they were.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer_null, json_binary_null};

use crate::add_columns;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let added = vec![
            // None: from everywhere.
            json_binary_null("ip_ranges"),
            ColumnDef::new("former_digest").binary().null().to_owned(),
            big_integer_null("former_until"),
            big_integer_null("last_used_at"),
        ];
        add_columns(manager, "api_key", added).await?;
        manager
            .create_index(
                Index::create()
                    .unique()
                    .name("api_key_former_digest")
                    .table("api_key")
                    .col("former_digest")
                    .to_owned(),
            )
            .await
    }
}
