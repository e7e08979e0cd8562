//! Machines: instances that share a fingerprint, leases of floating seats, free environments,
//! revocation; and places in the status lists that end.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary_null, boolean, integer, string, string_null, uuid,
};
use sea_orm_migration::sea_orm::DbBackend;

use crate::{add_columns, references, with_history};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Sqlite {
            rebuild(manager).await?;
        } else {
            add_columns(manager, "activation", added()).await?;
            execute(manager, "ALTER TABLE activation DROP CONSTRAINT activation_machine").await?;
        }
        // Machines without an instance are one machine, so the absence counts as a value.
        execute(
            manager,
            "CREATE UNIQUE INDEX activation_machine ON activation (license_id, fingerprint, COALESCE(instance, ''))",
        )
        .await?;
        // Heartbeats leave the values of its columns as they are.
        let floating = Index::create()
            .name("activation_floating")
            .table("activation")
            .col("license_id")
            .and_where(Expr::col("floating"))
            .to_owned();
        manager.create_index(floating).await?;
        // Of a free place; a seat's release names none.
        add_columns(manager, "seat_release", vec![string_null("free_environment")]).await?;
        add_columns(manager, "status_place", vec![big_integer_null("invalid_from")]).await?;
        // A machine's former places end together.
        let of_machine = Index::create()
            .name("status_place_machine")
            .table("status_place")
            .col("activation_id")
            .to_owned();
        manager.create_index(of_machine).await
    }
}

async fn execute(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    manager.get_connection().execute_unprepared(sql).await.map(|_| ())
}

/// A constraint of a SQLite table is changed by writing the table anew; nothing refers to this one.
async fn rebuild(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager.create_table(activation()).await?;
    let former = FORMER.join(", ");
    execute(manager, &format!("INSERT INTO activation_next ({former}) SELECT {former} FROM activation"))
        .await?;
    execute(manager, "DROP TABLE activation").await?;
    execute(manager, "ALTER TABLE activation_next RENAME TO activation").await?;
    let freeing = Index::create()
        .name("activation_freeing")
        .table("activation")
        .col("license_id")
        .col("seat_frees_at")
        .and_where(Expr::col("seat_frees_at").is_not_null())
        .to_owned();
    manager.create_index(freeing).await
}

const FORMER: [&str; 31] = [
    "id",
    "license_id",
    "fingerprint",
    "status",
    "hostname",
    "ip",
    "environment",
    "product_version",
    "user_ref",
    "tenant_ref",
    "consumer_key",
    "consumer_key_alg",
    "holds_seat",
    "seat_frees_at",
    "epoch",
    "generation",
    "request_digest",
    "rotated_at",
    "late_generation",
    "late_retries",
    "last_contact_at",
    "previous_contact_at",
    "claim_set_id",
    "kid",
    "token_iat",
    "token_exp",
    "status_serial",
    "clone_suspected_at",
    "created_at",
    "updated_at",
    "version",
];

fn added() -> Vec<ColumnDef> {
    vec![
        string_null("instance"),
        // Its seat has a lease.
        boolean("floating").default(false).to_owned(),
        big_integer_null("lease_until"),
        // The environment whose free place it holds, instead of a seat.
        string_null("free_environment"),
        big_integer_null("revoked_at"),
        string_null("revoked_by"),
        string_null("revocation_reason"),
        big_integer_null("grace_until"),
        // The place of the token before a new one was signed for somebody else to deliver.
        big_integer_null("former_status_serial"),
    ]
}

fn activation() -> TableCreateStatement {
    let mut table = with_history(
        Table::create()
            .table("activation_next")
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
    .to_owned();
    for column in added() {
        table.col(column);
    }
    table
        .foreign_key(&mut references(
            "activation_license",
            ("activation_next", "license_id"),
            ("license", "id"),
        ))
        .foreign_key(&mut references(
            "activation_consumer_key",
            ("activation_next", "consumer_key"),
            ("consumer_key", "thumbprint"),
        ))
        .foreign_key(&mut references(
            "activation_claim_set",
            ("activation_next", "claim_set_id"),
            ("claim_set", "id"),
        ))
        .to_owned()
}
