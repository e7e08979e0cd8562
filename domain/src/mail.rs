//! Letters to people.
//!
//! Whoever has something to write leaves a letter in the transaction of what it is about ([`post`]): there are both, or
//! neither, and a mail server that is down is nobody's concern but that of the job that sends ([`sending`]). A letter is
//! sent at least once. That it is sent twice takes a crash, or a connection that breaks, between the mail server's word
//! and ours; then it has the same `Message-ID`, and it is written down that it was in doubt. What stands in a letter is
//! sealed, and gone when it was sent.

use std::sync::Arc;

use licentia_crypto::sealing::Place;
use licentia_entity::mail;
use licentia_types::ids::{CustomerId, MailId};
use licentia_types::mails::MailStatus;
use licentia_types::text::Email;
use licentia_types::time::Timestamp;
use sea_orm::{DbBackend, QuerySelect, QueryTrait};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::failure::Failure;

pub use licentia_types::mails::MailTemplate as Template;

pub use links::Links;
pub use message::{Line, Mailer, Message, Undelivered, Unreachable};
pub(crate) use outages::Outages;
pub use outbox::{MailError, get, list, retry, test};
pub use store::MailFilter;
pub use templates::{TemplateInvalid, Templates};

mod about;
mod links;
mod message;
mod outages;
mod outbox;
mod rules;
mod samples;
pub(crate) mod sending;
pub(crate) mod store;
mod templates;
pub(crate) mod writing;

/// How letters are written and sent, where an operator configured it.
pub struct Mail {
    /// Who hands them over.
    pub mailer: Arc<dyn Mailer>,
    /// What they look like.
    pub templates: Templates,
    /// Where what they ask for is done.
    pub links: Links,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("links", &self.links).finish_non_exhaustive()
    }
}

/// A letter that is to be sent.
pub(crate) struct Letter {
    /// To whom.
    pub(crate) to: Email,
    /// What it is about.
    pub(crate) template: Template,
    /// What stands in it: the members that [`samples`] has for its template.
    pub(crate) values: Value,
    /// The customer whom it concerns.
    pub(crate) customer: Option<CustomerId>,
}

/// Whether anything is sent at all: without mail, whoever would write has to find another way, or to refuse.
#[must_use]
pub fn is_on(ctx: &Context) -> bool {
    ctx.mail.is_some()
}

/// What is asked once a second, however much there ever was, with the index that answers it.
#[must_use]
pub fn statements() -> [(String, &'static str); 3] {
    let at = Timestamp::from_micros(7);
    [
        (writing::due().limit(1).build(DbBackend::Sqlite).to_string(), "event_letter"),
        (store::oldest_due(at).build(DbBackend::Sqlite).to_string(), "mail_open"),
        (store::oldest_urgent(at).build(DbBackend::Sqlite).to_string(), "mail_urgent"),
    ]
}

/// Leaves a letter in the outbox, as a part of `tx`; without mail there is none.
///
/// # Errors
/// When the database fails, or the values are not those of the template.
pub(crate) async fn post(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    letter: Letter,
) -> Result<(), Failure> {
    if !is_on(ctx) {
        return Ok(());
    }
    let row = row(ctx, moment, letter)?;
    Ok(store::insert(tx, row).await?)
}

/// The letter as it waits.
fn row(ctx: &Context, moment: &Moment<'_>, letter: Letter) -> Result<mail::Model, Failure> {
    let Letter { to, template, values, customer } = letter;
    if !samples::has_members_of(template, &values) {
        return Err(Failure::Corrupt("letter"));
    }
    let id = MailId::new(moment.new_uuid()?);
    let text = Zeroizing::new(serde_json::to_vec(&values).map_err(|_| Failure::Corrupt("letter"))?);
    Ok(mail::Model {
        id,
        template,
        recipient: to,
        customer_id: customer,
        event_id: None,
        status: MailStatus::Waiting,
        urgent: rules::is_urgent(template),
        letter: Some(ctx.kek.seal(place(&id.to_string()), &text)?.into_bytes()),
        attempts: 0,
        doubtful: 0,
        last_error: None,
        created_at: moment.now,
        due_at: moment.now,
        give_up_at: moment.now + rules::worth_for(template),
        sent_at: None,
    })
}

fn place(row: &str) -> Place<'_> {
    Place { table: "mail", column: "letter", row }
}
