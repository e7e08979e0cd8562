//! Accounts of customers, and sessions that are theirs or an admin's.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, integer, string, string_null, uuid, uuid_null,
};

use crate::{add_columns, references, with_history};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(customer_account()).await?;
        manager.create_table(account_request()).await?;
        manager.create_table(registration()).await?;
        manager.create_table(sign_in_code()).await?;
        manager.create_table(license_notice()).await?;
        manager.create_table(ownership()).await?;
        let constraint = "CONSTRAINT one_time_token_customer REFERENCES customer_account (customer_id)";
        let customer_id = uuid_null("customer_id").extra(constraint).to_owned();
        add_columns(manager, "one_time_token", vec![customer_id]).await?;
        // None: the admin who has the address, or else the customer.
        add_columns(manager, "password_request", vec![string_null("asked_as")]).await?;
        sessions(manager).await?;
        let connection = manager.get_connection();
        for statement in [
            "CREATE INDEX one_time_token_of_customer ON one_time_token (customer_id) WHERE customer_id IS NOT NULL",
            "CREATE INDEX registration_address ON registration (address_digest)",
            // By which a customer is found who registers.
            "CREATE INDEX customer_email ON customer (LOWER(email))",
        ] {
            connection.execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

/// Sessions were admins' only, and their column is one that has to be there: SQLite makes it another one in another
/// table only. The former one stays, empty, for instances of the former program that go on meanwhile: admins sign in there
/// once more.
async fn sessions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager.create_table(session()).await?;
    let connection = manager.get_connection();
    for statement in [
        "INSERT INTO session (id, admin_id, generation, created_at, refreshed_at, ends_at, ip, user_agent)
         SELECT id, admin_id, generation, created_at, refreshed_at, ends_at, ip, user_agent FROM admin_session",
        "DELETE FROM admin_session",
        "CREATE INDEX session_of_admin ON session (admin_id) WHERE admin_id IS NOT NULL",
        "CREATE INDEX session_of_customer ON session (customer_id) WHERE customer_id IS NOT NULL",
    ] {
        connection.execute_unprepared(statement).await?;
    }
    Ok(())
}

fn customer_account() -> TableCreateStatement {
    with_history(
        Table::create()
            .table("customer_account")
            .col(uuid("customer_id").primary_key())
            .col(string("email"))
            // As it is compared: nobody is two by his capitals.
            .col(string("email_folded"))
            // None: he signs in by codes that are sent to him.
            .col(string_null("password_hash"))
            // Rises with the password: what was begun before is over.
            .col(big_integer("credentials_version"))
            .col(big_integer("confirmed_at"))
            .col(big_integer_null("last_login_at"))
            .col(big_integer_null("disabled_at"))
            // When he was given last all that is kept about him.
            .col(big_integer_null("exported_at")),
    )
    .index(Index::create().unique().name("customer_account_email_folded").col("email_folded"))
    .foreign_key(&mut references(
        "customer_account_customer",
        ("customer_account", "customer_id"),
        ("customer", "id"),
    ))
    .to_owned()
}

/// Known or not: whose address it is is looked up when the letter is written.
fn account_request() -> TableCreateStatement {
    Table::create()
        .table("account_request")
        .col(uuid("id").primary_key())
        // Sealed.
        .col(binary("asked"))
        .col(string_null("ip"))
        .col(string_null("request_id"))
        .col(big_integer("requested_at"))
        .to_owned()
}

fn registration() -> TableCreateStatement {
    Table::create()
        .table("registration")
        .col(binary("token_digest").primary_key())
        .col(binary("address_digest"))
        // Sealed.
        .col(binary("asked"))
        .col(big_integer("made_at"))
        .col(big_integer("expires_at"))
        .to_owned()
}

fn sign_in_code() -> TableCreateStatement {
    Table::create()
        .table("sign_in_code")
        .col(binary("address_digest").primary_key())
        .col(binary("code_digest"))
        .col(big_integer("made_at"))
        .col(big_integer("expires_at"))
        // Wrong ones since this code was made, and since the last right one.
        .col(integer("failures"))
        .col(integer("failures_in_row"))
        .to_owned()
}

/// When the owner of a licence was written to last, of what others can bring about as often as they like.
fn license_notice() -> TableCreateStatement {
    Table::create()
        .table("license_notice")
        .col(uuid("license_id"))
        .col(string("template"))
        .col(big_integer("told_at"))
        .primary_key(Index::create().col("license_id").col("template"))
        .foreign_key(&mut references(
            "license_notice_license",
            ("license_notice", "license_id"),
            ("license", "id"),
        ))
        .to_owned()
}

/// Of licences that were somebody else's before: what was his is not shown to whoever owns them now.
fn ownership() -> TableCreateStatement {
    Table::create()
        .table("ownership")
        .col(uuid("license_id").primary_key())
        .col(big_integer("since"))
        .foreign_key(&mut references("ownership_license", ("ownership", "license_id"), ("license", "id")))
        .to_owned()
}

/// Of one admin or of one customer.
fn session() -> TableCreateStatement {
    Table::create()
        .table("session")
        .col(uuid("id").primary_key())
        .col(uuid_null("admin_id"))
        .col(uuid_null("customer_id"))
        // Of the cookie that renews it.
        .col(big_integer("generation"))
        .col(big_integer("created_at"))
        .col(big_integer("refreshed_at"))
        .col(big_integer("ends_at"))
        .col(string_null("ip"))
        .col(string_null("user_agent"))
        .check(Expr::cust("(admin_id IS NULL) <> (customer_id IS NULL)"))
        .foreign_key(&mut references("session_admin", ("session", "admin_id"), ("admin", "id")))
        .foreign_key(&mut references(
            "session_customer",
            ("session", "customer_id"),
            ("customer_account", "customer_id"),
        ))
        .to_owned()
}
