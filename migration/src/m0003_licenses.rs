//! Licences, what was ever claimed of them, and how often their seats were released.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, integer, json_binary, string, string_null, uuid, uuid_null,
};

use crate::{references, with_history};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(license()).await?;
        manager
            .create_index(
                Index::create().name("license_customer").table("license").col("customer_id").to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("license_product_tier")
                    .table("license")
                    .col("product_id")
                    .col("tier_id")
                    .to_owned(),
            )
            .await?;
        manager.create_table(claim_set()).await
    }
}

fn license() -> TableCreateStatement {
    with_history(
        Table::create()
            .table("license")
            .col(uuid("id").primary_key())
            .col(uuid("product_id"))
            .col(uuid("tier_id"))
            .col(uuid_null("customer_id"))
            .col(binary("key_digest"))
            .col(binary("key_sealed"))
            .col(string("key_masked"))
            .col(string("status"))
            .col(big_integer("starts_at"))
            .col(big_integer_null("expires_at"))
            .col(integer("max_activations"))
            .col(integer("max_users"))
            .col(integer("max_tenants"))
            .col(json_binary("features"))
            .col(integer("seats_used").check(Expr::col("seats_used").gte(0)))
            .col(string_null("source"))
            .col(string_null("source_order_id"))
            .col(string_null("notes"))
            .col(json_binary("metadata"))
            .col(big_integer_null("revoked_at"))
            .col(string_null("revocation_reason")),
    )
    .foreign_key(&mut references("license_product", ("license", "product_id"), ("product", "id")))
    .foreign_key(&mut references("license_tier", ("license", "tier_id"), ("tier", "id")))
    .foreign_key(&mut references("license_owner", ("license", "customer_id"), ("customer", "id")))
    .index(Index::create().unique().name("license_key_digest").col("key_digest"))
    .index(Index::create().unique().name("license_source_order").col("source").col("source_order_id"))
    .to_owned()
}

fn claim_set() -> TableCreateStatement {
    Table::create()
        .table("claim_set")
        .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
        .col(uuid("license_id"))
        .col(big_integer("license_version"))
        .col(big_integer("catalogue_revision"))
        .col(binary("sealed"))
        .col(big_integer("created_at"))
        .foreign_key(&mut references("claim_set_license", ("claim_set", "license_id"), ("license", "id")))
        .index(
            Index::create()
                .unique()
                .name("claim_set_combination")
                .col("license_id")
                .col("license_version")
                .col("catalogue_revision"),
        )
        .to_owned()
}
