//! Events by which something that a token says becomes untrue, to be found among all others.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let index = "CREATE INDEX event_outdating ON event (id) WHERE kind IN (\
                     'activation.deactivated', 'activation.lapsed', 'activation.revoked', 'activation.unblocked', \
                     'catalogue.changed', 'license.changed', 'license.regenerated', 'license.reinstated', \
                     'license.renewed', 'license.revoked', 'license.suspended')";
        connection.execute_unprepared(index).await?;
        // Edits of catalogues left no events before: all that was sold counts as changed now.
        let (now, json) = match manager.get_database_backend() {
            DbBackend::Postgres => ("(EXTRACT(EPOCH FROM now()) * 1000000)::bigint", "'{}'::jsonb"),
            _ => ("CAST(strftime('%s', 'now') AS integer) * 1000000", "'{}'"),
        };
        let changed = format!(
            "INSERT INTO event (at, kind, subject, data) \
             SELECT {now}, 'catalogue.changed', 'defaults', {json} WHERE EXISTS (SELECT 1 FROM product)"
        );
        connection.execute_unprepared(&changed).await?;
        Ok(())
    }
}
