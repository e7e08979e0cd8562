//! What happened and what is to be done: the sealed audit log, events, refusals, jobs.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, json_binary, string, string_null, uuid, uuid_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            audit_pending(),
            audit_link(),
            audit_checkpoint(),
            event(),
            system_event(),
            refusal(),
            job(),
            revocation_generation(),
        ] {
            manager.create_table(table).await?;
        }
        let of_license =
            Index::create().name("refusal_license").table("refusal").col("license_id").col("id").to_owned();
        manager.create_index(of_license).await?;
        // What support pastes into a look-up.
        for (table, column) in [
            ("audit_event", "request_id"),
            ("refusal", "request_id"),
            ("activation", "fingerprint"),
            ("license", "source_order_id"),
            ("license", "key_masked"),
        ] {
            let name = format!("{table}_{column}");
            manager.create_index(Index::create().name(name).table(table).col(column).to_owned()).await?;
        }
        let connection = manager.get_connection();
        // Everything that was written before there was a chain is sealed first.
        connection
            .execute_unprepared("INSERT INTO audit_pending (event_id) SELECT id FROM audit_event")
            .await?;
        connection
            .execute_unprepared(
                "INSERT INTO revocation_generation (id, generation, changed_at) VALUES (1, 1, 0)",
            )
            .await?;
        Ok(())
    }
}

fn serial(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().auto_increment().primary_key().to_owned()
}

/// Audit rows that are not in the chain yet: written with the row, deleted by the sealer.
fn audit_pending() -> TableCreateStatement {
    Table::create().table("audit_pending").col(uuid("event_id").primary_key()).to_owned()
}

/// The chain: link `n` covers link `n − 1` and one row.
fn audit_link() -> TableCreateStatement {
    Table::create()
        .table("audit_link")
        .col(big_integer("position").primary_key())
        .col(uuid("event_id"))
        .col(binary("link"))
        .index(Index::create().unique().name("audit_link_event").col("event_id"))
        .to_owned()
}

fn audit_checkpoint() -> TableCreateStatement {
    Table::create()
        .table("audit_checkpoint")
        .col(big_integer("position").primary_key())
        .col(big_integer("at"))
        .col(string("signed"))
        .to_owned()
}

/// What concerns others: written with the change, read by whoever tells them.
fn event() -> TableCreateStatement {
    Table::create()
        .table("event")
        .col(serial("id"))
        .col(big_integer("at"))
        .col(string("kind"))
        .col(string("subject"))
        .col(uuid_null("license_id"))
        .col(uuid_null("product_id"))
        .col(uuid_null("customer_id"))
        .col(json_binary("data"))
        .to_owned()
}

/// Warnings and errors of the server itself.
fn system_event() -> TableCreateStatement {
    Table::create()
        .table("system_event")
        .col(uuid("id").primary_key())
        .col(big_integer("at"))
        .col(string("level"))
        .col(string("source"))
        .col(string("message"))
        .col(json_binary("detail"))
        .col(string_null("request_id"))
        .to_owned()
}

fn refusal() -> TableCreateStatement {
    Table::create()
        .table("refusal")
        .col(serial("id"))
        .col(uuid("license_id"))
        .col(big_integer("at"))
        .col(string("operation"))
        .col(string("code"))
        .col(string_null("ip"))
        .col(string_null("hostname"))
        .col(string_null("product_version"))
        .col(string_null("fingerprint"))
        .col(string_null("request_id"))
        .to_owned()
}

fn job() -> TableCreateStatement {
    Table::create()
        .table("job")
        .col(string("name").primary_key())
        .col(big_integer("due_at"))
        // Everything up to here is done.
        .col(big_integer("done_until"))
        .col(string_null("holder"))
        .col(big_integer_null("leased_until"))
        .to_owned()
}

/// One row, written last in every transaction that changes what is revoked.
fn revocation_generation() -> TableCreateStatement {
    Table::create()
        .table("revocation_generation")
        .col(ColumnDef::new("id").integer().not_null().primary_key())
        .col(big_integer("generation"))
        .col(big_integer("changed_at"))
        .to_owned()
}
