//! Groups within which admins may act, wrong codes that they showed, and imports that they began.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{boolean, integer, uuid, uuid_null};

use crate::{add_columns, references};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // An admin without groups, and one whose groups are gone, are not the same.
        add_columns(
            manager,
            "admin",
            vec![
                boolean("bounded").default(false).to_owned(),
                // Wrong codes in a row.
                integer("totp_failures").default(0).to_owned(),
            ],
        )
        .await?;
        add_columns(manager, "import", vec![uuid_null("admin_id"), uuid_null("session_id")]).await?;
        manager.create_table(admin_group()).await?;
        let of_group =
            Index::create().name("admin_group_group").table("admin_group").col("group_id").to_owned();
        manager.create_index(of_group).await
    }
}

fn admin_group() -> TableCreateStatement {
    Table::create()
        .table("admin_group")
        .col(uuid("admin_id"))
        .col(uuid("group_id"))
        .primary_key(Index::create().name("admin_group_key").col("admin_id").col("group_id"))
        .foreign_key(&mut references("admin_group_admin", ("admin_group", "admin_id"), ("admin", "id")))
        .foreign_key(&mut references(
            "admin_group_known",
            ("admin_group", "group_id"),
            ("access_group", "id"),
        ))
        .to_owned()
}
