//! Seats whose time will come are found by their licence, however many machines it has.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Few machines have one, and heartbeats leave it as it is.
        let index = "CREATE INDEX activation_due ON activation (license_id) WHERE seat_frees_at IS NOT NULL";
        manager.get_connection().execute_unprepared(index).await.map(|_| ())
    }
}
