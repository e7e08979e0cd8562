//! Admins, their second factor, and their sessions.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, binary_null, string, string_null, uuid, uuid_null,
};

use crate::{references, with_history};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(admin()).await?;
        manager.create_table(recovery_code()).await?;
        manager.create_table(one_time_token()).await?;
        manager.create_table(admin_session()).await?;
        for (name, table) in [
            ("recovery_code_admin", "recovery_code"),
            ("one_time_token_admin", "one_time_token"),
            ("admin_session_admin", "admin_session"),
        ] {
            let of_admin = Index::create().name(name).table(table).col("admin_id").to_owned();
            manager.create_index(of_admin).await?;
        }
        Ok(())
    }
}

fn admin() -> TableCreateStatement {
    with_history(
        Table::create()
            .table("admin")
            .col(uuid("id").primary_key())
            .col(string("email"))
            // As it is compared: nobody is two by his capitals.
            .col(string("email_folded"))
            .col(string("name"))
            .col(string("role"))
            // None: he has not set one yet.
            .col(string_null("password_hash"))
            // Rises with password and second factor: what was begun before is over.
            .col(big_integer("credentials_version"))
            .col(binary_null("totp_sealed"))
            // None: no code was shown yet, and none is demanded.
            .col(big_integer_null("totp_confirmed_at"))
            .col(big_integer_null("totp_last_step"))
            .col(big_integer_null("last_login_at"))
            .col(big_integer_null("disabled_at")),
    )
    .index(Index::create().unique().name("admin_email_folded").col("email_folded"))
    .to_owned()
}

fn recovery_code() -> TableCreateStatement {
    Table::create()
        .table("recovery_code")
        .col(binary("digest").primary_key())
        .col(uuid("admin_id"))
        .foreign_key(&mut references("recovery_code_admin", ("recovery_code", "admin_id"), ("admin", "id")))
        .to_owned()
}

/// Tokens that are good once: for the first admin of all, and for passwords.
fn one_time_token() -> TableCreateStatement {
    Table::create()
        .table("one_time_token")
        .col(binary("digest").primary_key())
        // None: for whoever becomes the first admin.
        .col(uuid_null("admin_id"))
        .col(big_integer("expires_at"))
        .foreign_key(&mut references("one_time_token_admin", ("one_time_token", "admin_id"), ("admin", "id")))
        .to_owned()
}

fn admin_session() -> TableCreateStatement {
    Table::create()
        .table("admin_session")
        .col(uuid("id").primary_key())
        .col(uuid("admin_id"))
        // Of the cookie that renews it.
        .col(big_integer("generation"))
        .col(big_integer("created_at"))
        .col(big_integer("refreshed_at"))
        .col(big_integer("ends_at"))
        .col(string_null("ip"))
        .col(string_null("user_agent"))
        .foreign_key(&mut references("admin_session_admin", ("admin_session", "admin_id"), ("admin", "id")))
        .to_owned()
}
