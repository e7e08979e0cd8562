//! Admins whom a directory of the operator's knows.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::string;

use crate::add_columns;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, "admin", vec![string("origin").default("local").to_owned()]).await
    }
}
