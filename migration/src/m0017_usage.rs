//! Usage: one row for each day, licence, version, action and outcome.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, integer, string, uuid};
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(usage_day()).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            // Room for the next version of a row on its own page: counts stay HOT updates.
            let fillfactor = "ALTER TABLE usage_day SET (fillfactor = 80)";
            manager.get_connection().execute_unprepared(fillfactor).await?;
        }
        let of_license = Index::create()
            .name("usage_day_license")
            .table("usage_day")
            .col("license_id")
            .col("day")
            .to_owned();
        manager.create_index(of_license).await
    }
}

/// No reference to the licence: what was asked of none that is known is counted as well, for the id that is all
/// zeros. A version that nobody told is empty.
fn usage_day() -> TableCreateStatement {
    Table::create()
        .table("usage_day")
        // Since 1970-01-01, UTC.
        .col(integer("day"))
        .col(uuid("license_id"))
        .col(string("product_version"))
        .col(string("action"))
        .col(string("outcome"))
        .col(big_integer("count"))
        .primary_key(
            Index::create()
                .name("usage_day_key")
                .col("day")
                .col("license_id")
                // Before the others: how many versions a licence has on a day is bounded.
                .col("product_version")
                .col("action")
                .col("outcome"),
        )
        .to_owned()
}
