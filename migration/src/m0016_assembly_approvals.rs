//! Approved builds.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, string, string_null, text_null, uuid, uuid_null,
};

use crate::references;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(assembly_approval()).await?;
        // One approval of a build stands at a time, for all and for each licence; by its digest it is found.
        let one = "CREATE UNIQUE INDEX assembly_approval_standing ON assembly_approval (sha256, assembly_name, version, \
                   COALESCE(public_key_token, ''), COALESCE(license_id, '00000000-0000-0000-0000-000000000000')) \
                   WHERE withdrawn_at IS NULL";
        manager.get_connection().execute_unprepared(one).await?;
        let of_license = Index::create()
            .name("assembly_approval_license_id")
            .table("assembly_approval")
            .col("license_id")
            .col("id")
            .to_owned();
        manager.create_index(of_license).await
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
