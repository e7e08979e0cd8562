//! Groups, within which principals may be bounded, and roles that vendors make themselves.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer_null, boolean, json_binary, string, string_null, uuid, uuid_null,
};

use crate::{add_columns, references, with_history};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(access_group()).await?;
        manager.create_table(custom_role()).await?;
        add_columns(manager, "customer", vec![group_id("customer_group_known")]).await?;
        let since = big_integer_null("group_since");
        // Always that of its customer, where it has one.
        add_columns(manager, "license", vec![group_id("license_group_known"), since]).await?;
        // A key without groups, and one whose groups are gone, are not the same.
        add_columns(manager, "api_key", vec![boolean("bounded").default(false).to_owned()]).await?;
        manager.create_table(api_key_group()).await?;
        // What is over stays on record when its group goes.
        add_columns(manager, "import", vec![uuid_null("group_id")]).await?;
        add_columns(manager, "audit_event", vec![uuid_null("group_id")]).await?;
        for index in [
            "CREATE INDEX customer_group ON customer (group_id, id)",
            "CREATE INDEX license_group ON license (group_id, id)",
            "CREATE INDEX api_key_group_group ON api_key_group (group_id)",
            "CREATE INDEX audit_event_group ON audit_event (group_id, id) WHERE group_id IS NOT NULL",
        ] {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }
}

/// `group` is a word of SQL.
fn access_group() -> TableCreateStatement {
    with_history(
        Table::create()
            .table("access_group")
            .col(uuid("id").primary_key())
            .col(string("name"))
            .col(string_null("description")),
    )
    .index(Index::create().unique().name("access_group_name").col("name"))
    .to_owned()
}

/// People are given roles by name, so a name never changes.
fn custom_role() -> TableCreateStatement {
    with_history(
        Table::create()
            .table("custom_role")
            .col(string("name").primary_key())
            .col(string_null("description"))
            .col(json_binary("permissions")),
    )
    .to_owned()
}

fn api_key_group() -> TableCreateStatement {
    Table::create()
        .table("api_key_group")
        .col(uuid("api_key_id"))
        .col(uuid("group_id"))
        .primary_key(Index::create().name("api_key_group_key").col("api_key_id").col("group_id"))
        .foreign_key(&mut references(
            "api_key_group_api_key",
            ("api_key_group", "api_key_id"),
            ("api_key", "id"),
        ))
        .foreign_key(&mut references(
            "api_key_group_known",
            ("api_key_group", "group_id"),
            ("access_group", "id"),
        ))
        .to_owned()
}

/// SQLite takes a reference of a column that is added with the column only.
fn group_id(constraint: &str) -> ColumnDef {
    let references = format!("CONSTRAINT {constraint} REFERENCES access_group (id) ON DELETE RESTRICT");
    uuid_null("group_id").extra(references).to_owned()
}
