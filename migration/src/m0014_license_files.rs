//! Licence files, and machines that have one.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, binary_null, integer, string, string_null, text_null, uuid,
    uuid_null,
};

use crate::{add_columns, references};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let added = vec![
            string("kind").default("online").to_owned(),
            // Until when a file of the machine is good, whatever becomes of the machine.
            big_integer_null("offline_until"),
        ];
        add_columns(manager, "activation", added).await?;
        manager.create_table(license_file()).await?;
        for column in ["license_id", "activation_id", "machine_key_thumbprint"] {
            let index = Index::create()
                .name(format!("license_file_{column}"))
                .table("license_file")
                .col(column)
                .col("id")
                .to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

/// No reference to the machine: a constraint of a SQLite table is changed by writing the table anew.
fn license_file() -> TableCreateStatement {
    Table::create()
        .table("license_file")
        .col(uuid("id").primary_key())
        .col(uuid("license_id"))
        .col(uuid_null("activation_id"))
        .col(integer("ttl_days"))
        .col(big_integer("issued_at"))
        .col(big_integer("expires_at"))
        // To whom it is encrypted.
        .col(string_null("consumer_key"))
        .col(string_null("consumer_key_alg"))
        // Whose signature gives it back: the key and its thumbprint.
        .col(text_null("machine_key"))
        .col(string_null("machine_key_thumbprint"))
        .col(binary("claims"))
        // Once it is signed.
        .col(binary_null("content"))
        .col(string_null("kid"))
        .col(big_integer_null("returned_at"))
        .foreign_key(&mut references(
            "license_file_license",
            ("license_file", "license_id"),
            ("license", "id"),
        ))
        .foreign_key(&mut references(
            "license_file_consumer_key",
            ("license_file", "consumer_key"),
            ("consumer_key", "thumbprint"),
        ))
        .to_owned()
}
