//! The outbox, events of which a letter is still to be written, and passwords that somebody says he forgot.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, binary_null, boolean, integer, string, string_null, uuid,
    uuid_null,
};

use crate::add_columns;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(mail()).await?;
        // Of an event there is one letter. Letters without an event are as many as there are.
        let of_event = Index::create().unique().name("mail_event").table("mail").col("event_id").to_owned();
        manager.create_index(of_event).await?;
        let created = Index::create().name("mail_created_at").table("mail").col("created_at").to_owned();
        manager.create_index(created).await?;
        manager.create_table(password_request()).await?;
        // Of what happened before there was mail nobody writes any more.
        let letter_due = boolean("letter_due").default(false).to_owned();
        add_columns(manager, "event", vec![letter_due]).await?;
        // Few rows wait, among all that were ever written.
        let connection = manager.get_connection();
        for index in [
            "CREATE INDEX event_letter ON event (id) WHERE letter_due",
            "CREATE INDEX mail_open ON mail (due_at) WHERE status IN ('waiting', 'sending')",
            "CREATE INDEX mail_urgent ON mail (due_at) WHERE urgent AND status IN ('waiting', 'sending')",
        ] {
            connection.execute_unprepared(index).await?;
        }
        Ok(())
    }
}

fn mail() -> TableCreateStatement {
    Table::create()
        .table("mail")
        .col(uuid("id").primary_key())
        .col(string("template"))
        .col(string("recipient"))
        // No references: what was written stays what it was.
        .col(uuid_null("customer_id"))
        .col(big_integer_null("event_id"))
        .col(string("status"))
        // Somebody sits and waits for it: it goes before the others.
        .col(boolean("urgent"))
        // What stands in it, sealed; none once it was sent.
        .col(binary_null("letter"))
        .col(integer("attempts"))
        // How often nobody knows whether it was taken.
        .col(integer("doubtful"))
        .col(string_null("last_error"))
        .col(big_integer("created_at"))
        .col(big_integer("due_at"))
        .col(big_integer("give_up_at"))
        .col(big_integer_null("sent_at"))
        .to_owned()
}

/// Known or not: whose address it is stands elsewhere, and is looked up later.
fn password_request() -> TableCreateStatement {
    Table::create()
        .table("password_request")
        .col(uuid("id").primary_key())
        // Sealed.
        .col(binary("email"))
        .col(string_null("ip"))
        .col(string_null("request_id"))
        .col(big_integer("requested_at"))
        .to_owned()
}
