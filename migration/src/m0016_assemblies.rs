//! Approved builds, and which builds machines activated with.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, integer, string, string_null, text_null, uuid, uuid_null,
};

use crate::references;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [assembly_approval(), assembly_manifest(), activation_manifest()] {
            manager.create_table(table).await?;
        }
        for index in [
            // One approval of a build stands at a time, for all and for each licence; by its digest it is found.
            "CREATE UNIQUE INDEX assembly_approval_standing ON assembly_approval (sha256, assembly_name, version, \
             COALESCE(public_key_token, ''), COALESCE(license_id, '00000000-0000-0000-0000-000000000000')) \
             WHERE withdrawn_at IS NULL",
            "CREATE INDEX assembly_approval_license_id ON assembly_approval (license_id, id)",
            "CREATE INDEX assembly_manifest_sha256 ON assembly_manifest (sha256)",
            "CREATE INDEX activation_manifest_manifest ON activation_manifest (manifest)",
            "CREATE INDEX assembly_manifest_doubted ON assembly_manifest (digest) WHERE doubted_at IS NOT NULL",
            // By a withdrawal a token that was signed before says more than is so.
            "DROP INDEX event_outdating",
            "CREATE INDEX event_outdating ON event (id) WHERE kind IN (\
             'activation.deactivated', 'activation.lapsed', 'activation.revoked', 'activation.unblocked', \
             'assembly.withdrawn', 'catalogue.changed', 'license.changed', 'license.regenerated', \
             'license.reinstated', 'license.renewed', 'license.revoked', 'license.suspended')",
        ] {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }
}

fn assembly_approval() -> TableCreateStatement {
    Table::create()
        .table("assembly_approval")
        .col(uuid("id").primary_key())
        // None: for all licences.
        .col(uuid_null("license_id"))
        .col(string("assembly_name"))
        .col(string("version"))
        .col(binary("sha256"))
        .col(string_null("public_key_token"))
        .col(string("source"))
        .col(text_null("note"))
        .col(string("approved_by"))
        .col(big_integer("created_at"))
        .col(big_integer_null("withdrawn_at"))
        .foreign_key(&mut references(
            "assembly_approval_license",
            ("assembly_approval", "license_id"),
            ("license", "id"),
        ))
        .to_owned()
}

/// A row for each build of a manifest, which is kept once for all machines that tell the same.
fn assembly_manifest() -> TableCreateStatement {
    Table::create()
        .table("assembly_manifest")
        .col(binary("digest"))
        .col(integer("place"))
        .col(string("assembly_name"))
        .col(string("version"))
        .col(binary("sha256"))
        .col(string_null("public_key_token"))
        // Since when the build may not be approved any more for all that told it.
        .col(big_integer_null("doubted_at"))
        .primary_key(Index::create().col("digest").col("place"))
        .to_owned()
}

/// No reference to the machine: a constraint of a SQLite table is changed by writing the table anew.
fn activation_manifest() -> TableCreateStatement {
    Table::create()
        .table("activation_manifest")
        .col(uuid("activation_id").primary_key())
        .col(binary("manifest"))
        .to_owned()
}
