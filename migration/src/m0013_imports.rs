//! Imports: what was sent, in pieces, and what became of each row.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, boolean, integer, json_binary, string, string_null, uuid,
    uuid_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [import(), import_chunk(), import_row(), import_claim()] {
            manager.create_table(table).await?;
        }
        // Those that are not over are few.
        let open = Index::create()
            .name("import_open")
            .table("import")
            .col("id")
            .and_where(Expr::col("finished_at").is_null())
            .to_owned();
        manager.create_index(open).await
    }
}

fn import() -> TableCreateStatement {
    Table::create()
        .table("import")
        .col(uuid("id").primary_key())
        .col(string("status"))
        .col(json_binary("options"))
        // Who began it, and in which request.
        .col(uuid_null("api_key_id"))
        .col(string_null("ip"))
        .col(string_null("request_id"))
        .col(big_integer("rows"))
        .col(big_integer("rows_done"))
        .col(big_integer("rows_created"))
        .col(big_integer("rows_refused"))
        .col(big_integer("chunks"))
        .col(big_integer("chunks_done"))
        .col(big_integer("created_at"))
        .col(big_integer("updated_at"))
        .col(big_integer_null("finished_at"))
        .col(boolean("dry_run"))
        .to_owned()
}

/// A piece of what was sent, sealed: it holds licence keys. Deleted with the transaction that works it off.
fn import_chunk() -> TableCreateStatement {
    Table::create()
        .table("import_chunk")
        .col(uuid("import_id"))
        .col(big_integer("number"))
        .col(big_integer("first_row"))
        .col(integer("rows"))
        .col(binary("sealed"))
        .primary_key(Index::create().name("import_chunk_number").col("import_id").col("number"))
        .to_owned()
}

fn import_row() -> TableCreateStatement {
    Table::create()
        .table("import_row")
        .col(uuid("import_id"))
        .col(big_integer("number"))
        .col(string("outcome"))
        .col(uuid_null("license_id"))
        .col(uuid_null("customer_id"))
        .col(string_null("code"))
        .col(string_null("detail"))
        .col(json_binary("errors"))
        .primary_key(Index::create().name("import_row_number").col("import_id").col("number"))
        .to_owned()
}

/// Keys and orders that a dry run would have given away: digests, until it is over.
fn import_claim() -> TableCreateStatement {
    Table::create()
        .table("import_claim")
        .col(uuid("import_id"))
        .col(binary("digest"))
        .primary_key(Index::create().name("import_claim_digest").col("import_id").col("digest"))
        .to_owned()
}
