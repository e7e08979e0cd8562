//! Activations, the consumers' keys, places in the status lists, released seats.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, binary_null, boolean, integer, string, string_null, uuid,
};
use sea_orm_migration::sea_orm::DbBackend;

use crate::{references, with_history};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(consumer_key()).await?;
        manager.create_table(activation()).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            // Room for the next version of a row on its own page: heartbeats stay HOT updates.
            manager
                .get_connection()
                .execute_unprepared("ALTER TABLE activation SET (fillfactor = 80)")
                .await?;
        }
        // Seats that become free by themselves are few; heartbeats never touch the column.
        let freeing = Index::create()
            .name("activation_freeing")
            .table("activation")
            .col("license_id")
            .col("seat_frees_at")
            .and_where(Expr::col("seat_frees_at").is_not_null())
            .to_owned();
        manager.create_index(freeing).await?;
        manager.create_table(status_place()).await?;
        manager.create_table(seat_release()).await?;
        manager
            .create_index(
                Index::create()
                    .name("seat_release_license")
                    .table("seat_release")
                    .col("license_id")
                    .col("released_at")
                    .to_owned(),
            )
            .await
    }
}

fn consumer_key() -> TableCreateStatement {
    Table::create()
        .table("consumer_key")
        .col(string("thumbprint").primary_key())
        .col(binary("spki"))
        .col(big_integer("created_at"))
        .to_owned()
}

fn activation() -> TableCreateStatement {
    with_history(
        Table::create()
            .table("activation")
            .col(uuid("id").primary_key())
            .col(uuid("license_id"))
            .col(string("fingerprint"))
            .col(string("status"))
            .col(string_null("hostname"))
            .col(string_null("ip"))
            .col(string_null("environment"))
            .col(string_null("product_version"))
            .col(string_null("user_ref"))
            .col(string_null("tenant_ref"))
            .col(string_null("consumer_key"))
            .col(string_null("consumer_key_alg"))
            .col(boolean("holds_seat"))
            .col(big_integer_null("seat_frees_at"))
            .col(big_integer("epoch"))
            .col(big_integer("generation"))
            .col(binary_null("request_digest"))
            .col(big_integer("rotated_at"))
            .col(big_integer("late_generation"))
            .col(integer("late_retries"))
            .col(big_integer("last_contact_at"))
            .col(big_integer("previous_contact_at"))
            .col(big_integer("claim_set_id"))
            .col(string("kid"))
            .col(big_integer("token_iat"))
            .col(big_integer("token_exp"))
            .col(big_integer("status_serial"))
            .col(big_integer_null("clone_suspected_at")),
    )
    .foreign_key(&mut references("activation_license", ("activation", "license_id"), ("license", "id")))
    .foreign_key(&mut references(
        "activation_consumer_key",
        ("activation", "consumer_key"),
        ("consumer_key", "thumbprint"),
    ))
    .foreign_key(&mut references("activation_claim_set", ("activation", "claim_set_id"), ("claim_set", "id")))
    .index(Index::create().unique().name("activation_machine").col("license_id").col("fingerprint"))
    .to_owned()
}

fn status_place() -> TableCreateStatement {
    Table::create()
        .table("status_place")
        .col(ColumnDef::new("serial").big_integer().not_null().auto_increment().primary_key())
        .col(uuid("activation_id"))
        .to_owned()
}

fn seat_release() -> TableCreateStatement {
    Table::create()
        .table("seat_release")
        .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
        .col(uuid("license_id"))
        .col(big_integer("released_at"))
        .foreign_key(&mut references(
            "seat_release_license",
            ("seat_release", "license_id"),
            ("license", "id"),
        ))
        .to_owned()
}
