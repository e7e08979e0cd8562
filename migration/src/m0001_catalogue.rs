//! Products, features, tiers.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, integer, json_binary, string, string_null, uuid, uuid_null,
};

use crate::{references, with_history};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(product()).await?;
        manager.create_table(feature()).await?;
        manager.create_table(tier()).await
    }
}

fn product() -> TableCreateStatement {
    with_history(
        Table::create()
            .table("product")
            .col(uuid("id").primary_key())
            .col(string("slug"))
            .col(string("name"))
            .col(string_null("description"))
            .col(string("key_prefix"))
            .col(string("token_typ"))
            .col(big_integer("catalogue_revision"))
            .col(big_integer_null("archived_at")),
    )
    .index(Index::create().unique().name("product_slug").col("slug"))
    .to_owned()
}

fn feature() -> TableCreateStatement {
    with_history(
        Table::create()
            .table("feature")
            .col(uuid("id").primary_key())
            .col(uuid("product_id"))
            .col(string("key"))
            .col(string("name"))
            .col(string_null("description"))
            .col(string("kind"))
            .col(string("value_type"))
            .col(integer("sort_order"))
            .col(big_integer_null("archived_at")),
    )
    .foreign_key(&mut references("feature_product", ("feature", "product_id"), ("product", "id")))
    .index(Index::create().unique().name("feature_product_key").col("product_id").col("key"))
    .to_owned()
}

fn tier() -> TableCreateStatement {
    with_history(
        Table::create()
            .table("tier")
            .col(uuid("id").primary_key())
            .col(uuid("product_id"))
            .col(string("key"))
            .col(string("name"))
            .col(string_null("description"))
            .col(uuid_null("includes_tier_id"))
            .col(big_integer_null("monthly_price"))
            .col(big_integer_null("annual_price"))
            .col(string_null("currency"))
            .col(json_binary("billing_periods"))
            .col(integer("max_activations"))
            .col(integer("max_users"))
            .col(integer("max_tenants"))
            .col(json_binary("features"))
            .col(json_binary("feature_values"))
            .col(big_integer_null("token_ttl"))
            .col(big_integer_null("heartbeat_interval"))
            .col(big_integer_null("offline_grace"))
            .col(big_integer_null("expiry_grace"))
            .col(integer("sort_order"))
            .col(big_integer_null("archived_at")),
    )
    .foreign_key(&mut references("tier_product", ("tier", "product_id"), ("product", "id")))
    .foreign_key(&mut references("tier_includes", ("tier", "includes_tier_id"), ("tier", "id")))
    .index(Index::create().unique().name("tier_product_key").col("product_id").col("key"))
    .to_owned()
}
