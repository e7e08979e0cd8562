//! Signing keys, and the server's own sealed secrets and settings.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, binary, string};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(signing_key()).await?;
        // At most one key of each purpose waits, and at most one signs.
        manager
            .create_index(one_of_each_purpose("signing_key_pending", Expr::col("active_from").is_null()))
            .await?;
        manager
            .create_index(one_of_each_purpose("signing_key_active", Expr::col("active_from").is_not_null()))
            .await?;
        manager.create_table(named_bytes("sealed_secret", "sealed")).await?;
        let setting = Table::create()
            .table("server_setting")
            .col(string("name").primary_key())
            .col(string("value"))
            .col(big_integer("created_at"))
            .to_owned();
        manager.create_table(setting).await
    }
}

fn signing_key() -> TableCreateStatement {
    Table::create()
        .table("signing_key")
        .col(string("kid").primary_key())
        .col(string("purpose"))
        .col(binary("public_spki"))
        .col(binary("private_sealed"))
        .col(big_integer("published_at"))
        .col(big_integer_null("active_from"))
        .col(big_integer("signs_until"))
        .to_owned()
}

fn one_of_each_purpose(name: &str, condition: SimpleExpr) -> IndexCreateStatement {
    Index::create().unique().name(name).table("signing_key").col("purpose").and_where(condition).to_owned()
}

fn named_bytes(table: &'static str, column: &'static str) -> TableCreateStatement {
    Table::create()
        .table(table)
        .col(string("name").primary_key())
        .col(binary(column))
        .col(big_integer("created_at"))
        .to_owned()
}
