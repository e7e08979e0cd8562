//! The lifecycle of licences: trials, terms, suspension, revocation with its grace, rotated keys,
//! releases; and what tiers say of seats and enforcement.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, boolean, integer_null, json_binary, string, string_null, uuid,
    uuid_null,
};

use crate::{add_columns, references};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A product of before keeps its customers' licences side by side until its vendor says otherwise.
        add_columns(manager, "product", vec![boolean("one_active_key").default(false).to_owned()]).await?;
        add_columns(manager, "tier", tier()).await?;
        add_columns(manager, "license", license()).await?;
        // What machines use already takes no other licence's place when they come again.
        let in_use = "UPDATE license SET first_activated_at = \
                      (SELECT MIN(created_at) FROM activation WHERE activation.license_id = license.id)";
        manager.get_connection().execute_unprepared(in_use).await?;
        // For the notices before an expiry.
        let expiring = Index::create().name("license_expires").table("license").col("expires_at").to_owned();
        manager.create_index(expiring).await?;
        manager.create_table(former_license_key()).await?;
        manager.create_table(trial_use()).await?;
        manager.create_table(release()).await
    }
}

fn tier() -> Vec<ColumnDef> {
    vec![
        string_null("activation_model"),
        json_binary("free_environments").default("{}").to_owned(),
        big_integer_null("lease"),
        big_integer_null("revocation_grace"),
        string_null("enforcement"),
        uuid_null("degrade_to_tier_id"),
    ]
}

fn license() -> Vec<ColumnDef> {
    vec![
        // Its time begins at its first activation, which has not come yet.
        boolean("awaits_start").default(false).to_owned(),
        integer_null("term_days"),
        integer_null("term_months"),
        big_integer_null("updates_until"),
        boolean("trial").default(false).to_owned(),
        big_integer_null("first_activated_at"),
        big_integer_null("suspended_at"),
        string_null("suspension_reason"),
        string_null("revoked_by"),
        big_integer_null("grace_until"),
        // The licence that took its place.
        uuid_null("superseded_by"),
    ]
}

fn former_license_key() -> TableCreateStatement {
    Table::create()
        .table("former_license_key")
        .col(binary("key_digest").primary_key())
        .col(uuid("license_id"))
        .col(big_integer("rotated_at"))
        .col(big_integer("valid_until"))
        .foreign_key(&mut references(
            "former_license_key_license",
            ("former_license_key", "license_id"),
            ("license", "id"),
        ))
        .to_owned()
}

fn trial_use() -> TableCreateStatement {
    Table::create()
        .table("trial_use")
        .col(uuid("product_id"))
        .col(string("fingerprint"))
        .col(uuid("license_id"))
        .col(big_integer("used_at"))
        .primary_key(Index::create().name("trial_use_machine").col("product_id").col("fingerprint"))
        .foreign_key(&mut references("trial_use_license", ("trial_use", "license_id"), ("license", "id")))
        .to_owned()
}

fn release() -> TableCreateStatement {
    Table::create()
        .table("release")
        .col(uuid("product_id"))
        .col(string("version"))
        // By a machine.
        .col(big_integer_null("first_seen_at"))
        // By the vendor.
        .col(big_integer_null("released_at"))
        .primary_key(Index::create().name("release_version").col("product_id").col("version"))
        .foreign_key(&mut references("release_product", ("release", "product_id"), ("product", "id")))
        .to_owned()
}
