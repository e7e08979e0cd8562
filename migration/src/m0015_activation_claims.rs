//! Machines that wait until somebody lets them in, and those that activated again by key alone.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, string, string_null, uuid, uuid_null,
};

use crate::{add_columns, references};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let first_activation = string("first_activation").default("open").to_owned();
        add_columns(manager, "product", vec![first_activation]).await?;
        manager.create_table(activation_claim()).await?;
        // For those that wait: few of a licence's, whatever it was asked for in a month.
        let of_license = Index::create()
            .name("activation_claim_license")
            .table("activation_claim")
            .col("license_id")
            .col("expires_at")
            .to_owned();
        manager.create_index(of_license).await?;
        manager.create_table(reactivation()).await?;
        let of_machine = Index::create()
            .name("reactivation_activation")
            .table("reactivation")
            .col("activation_id")
            .col("at")
            .to_owned();
        manager.create_index(of_machine).await
    }
}

fn activation_claim() -> TableCreateStatement {
    Table::create()
        .table("activation_claim")
        .col(uuid("id").primary_key())
        .col(uuid("license_id"))
        .col(string("kind"))
        .col(string("decision"))
        .col(uuid_null("activation_id"))
        .col(string("fingerprint"))
        .col(string_null("instance"))
        .col(string_null("hostname"))
        .col(string_null("ip"))
        .col(string_null("environment"))
        .col(string_null("product_version"))
        .col(string_null("user_ref"))
        .col(string_null("tenant_ref"))
        // What is to be activated, sealed.
        .col(binary("request"))
        // One after the other, 32 bytes each.
        .col(binary("secret_digests"))
        .col(big_integer("requested_at"))
        .col(big_integer("expires_at"))
        .col(big_integer_null("decided_at"))
        .col(big_integer_null("activated_at"))
        .foreign_key(&mut references(
            "activation_claim_license",
            ("activation_claim", "license_id"),
            ("license", "id"),
        ))
        .to_owned()
}

/// Rows live for a day, and machines are never deleted: no reference is needed.
fn reactivation() -> TableCreateStatement {
    Table::create()
        .table("reactivation")
        .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
        .col(uuid("activation_id"))
        .col(big_integer("at"))
        .to_owned()
}
