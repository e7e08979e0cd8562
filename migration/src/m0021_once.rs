//! Outcomes that are kept for a day, by the name under which they were asked for.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, binary, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let kept = Table::create()
            .table("kept_outcome")
            .col(uuid("id").primary_key())
            // Keyed digests, of principal, route and key, and of the request.
            .col(binary("name"))
            .col(binary("request"))
            // Sealed: it may hold licence keys and secrets.
            .col(binary("outcome"))
            .col(big_integer("kept_at"))
            .to_owned();
        manager.create_table(kept).await?;
        let name =
            Index::create().unique().name("kept_outcome_name").table("kept_outcome").col("name").to_owned();
        manager.create_index(name).await
    }
}
