//! Signing keys that take over from each other at times written in advance.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer_null, boolean, string_null};

use crate::add_columns;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let added = vec![
            // From here on it does not sign any more; the next key does.
            big_integer_null("retiring_from"),
            big_integer_null("retired_at"),
            big_integer_null("revoked_at"),
            string_null("revocation_reason"),
            boolean("imported").default(false).to_owned(),
        ];
        add_columns(manager, "signing_key", added).await?;
        for former in ["signing_key_pending", "signing_key_active"] {
            manager.drop_index(Index::drop().name(former).table("signing_key").to_owned()).await?;
        }
        // At most one key of each purpose waits, and at most one signs or is the next to sign.
        let waits = Expr::col("active_from").is_null().and(Expr::col("revoked_at").is_null());
        manager.create_index(one_of_each_purpose("signing_key_pending", waits)).await?;
        let signs = Expr::col("active_from")
            .is_not_null()
            .and(Expr::col("retiring_from").is_null())
            .and(Expr::col("revoked_at").is_null());
        manager.create_index(one_of_each_purpose("signing_key_active", signs)).await
    }
}

fn one_of_each_purpose(name: &str, condition: SimpleExpr) -> IndexCreateStatement {
    Index::create().unique().name(name).table("signing_key").col("purpose").and_where(condition).to_owned()
}
