//! What customers did, and what was done about them, is found without reading the whole audit log.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        // Few entries are customers', among all those of machines.
        for index in [
            "CREATE INDEX audit_event_by_customer ON audit_event (actor_id, id) WHERE actor_kind = 'customer'",
            "CREATE INDEX audit_event_about_customer ON audit_event (subject, id) WHERE substr(subject, 1, 4) = 'cus_'",
        ] {
            connection.execute_unprepared(index).await?;
        }
        Ok(())
    }
}
