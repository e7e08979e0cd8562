//! The latest time that any instance has seen, to know a clock that is wrong.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, integer};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One row at the most.
        let mark = Table::create()
            .table("clock_mark")
            .col(integer("id").primary_key())
            .col(big_integer("at"))
            .to_owned();
        manager.create_table(mark).await
    }
}
