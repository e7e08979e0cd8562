//! What an operator sees of the outbox, and does about it.

use std::sync::Arc;

use licentia_entity::mail;
use licentia_types::ids::MailId;
use licentia_types::mails::{MailResponse, MailStatus, TestMailRequest};
use licentia_types::pages::PageResponse;
use licentia_types::problems::{FieldProblem, ProblemCode};
use serde_json::json;

use super::message::{Message, Undelivered, Unreachable};
use super::store::{self, MailFilter};
use super::{Template, rules, sending};
use crate::actors::Caller;
use crate::context::Context;
use crate::database::Lane;
use crate::failure::{Failure, failed_from};
use crate::pages::{PageError, PageQuery};
use crate::refusal::Refusal;
use crate::{audit, once};

/// Why an operation on letters was refused.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// No such letter.
    #[error("there is no such letter")]
    NotFound,
    /// Nothing is sent here.
    #[error("this server sends no letters: set mail.sender")]
    Off,
    /// It goes on by itself, or is done.
    #[error("only a letter that was given up is tried again when somebody asks for it")]
    NotGivenUp,
    /// Nobody could do anything with it.
    #[error("what this letter brings is over: have another one written")]
    Over,
    /// It did not go out.
    #[error("the mail server did not take the letter: {0}")]
    NotTaken(String),
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(MailError);

impl Refusal for MailError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound => ProblemCode::NotFound,
            Self::Off | Self::NotGivenUp | Self::Over => ProblemCode::StateConflict,
            Self::NotTaken(_) => ProblemCode::MailNotTaken,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        Vec::new()
    }
}

/// A page of letters, newest first.
///
/// # Errors
/// When a parameter is wrong.
pub async fn list(
    ctx: &Context,
    filter: MailFilter,
    query: &PageQuery,
) -> Result<PageResponse<MailResponse>, PageError> {
    Ok(store::list(&ctx.db, filter, query).await?.map(render))
}

/// One letter.
///
/// # Errors
/// When there is none.
pub async fn get(ctx: &Context, id: MailId) -> Result<MailResponse, MailError> {
    Ok(render(store::find(&ctx.db, id).await?.ok_or(MailError::NotFound)?))
}

/// Has a letter that was given up tried again, at once.
///
/// # Errors
/// When there is none, it was not given up, or the code or token in it is over.
pub async fn retry(ctx: &Context, caller: &Caller, id: MailId) -> Result<MailResponse, MailError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let tx = once::begin(ctx, caller).await?;
    let given_up = store::find_locked(&tx, id).await?.ok_or(MailError::NotFound)?;
    if given_up.status != MailStatus::Failed {
        return Err(MailError::NotGivenUp);
    }
    // What is good for a while is so from when it was made.
    let from = if rules::secret_for(given_up.template).is_some() { given_up.created_at } else { moment.now };
    let give_up_at = from + rules::worth_for(given_up.template);
    if give_up_at <= moment.now {
        return Err(MailError::Over);
    }
    let waiting =
        mail::Model { status: MailStatus::Waiting, due_at: moment.now, give_up_at, ..given_up.clone() };
    if !store::change(&tx, &given_up, &waiting).await? {
        return Err(MailError::NotGivenUp);
    }
    audit::record(&tx, &moment, caller, audit::Event::new("mail.retried", &id, json!({}))).await?;
    let answer = render(waiting);
    once::commit(ctx, &moment, caller, tx, &answer).await?;
    // Whoever asks for it has mended something.
    ctx.outages.end();
    Ok(answer)
}

/// Sends a letter while the caller waits, past the outbox, so that he learns what the mail server says.
///
/// # Errors
/// When nothing is sent here, or the mail server does not take it.
pub async fn test(ctx: &Context, caller: &Caller, request: TestMailRequest) -> Result<(), MailError> {
    let Some(mail) = &ctx.mail else { return Err(MailError::Off) };
    let moment = ctx.moment();
    let rendered = mail.templates.render(Template::Test, &json!({}), None, &ctx.settings.issuer);
    let rendered = rendered.map_err(|error| MailError::NotTaken(error.to_string()))?;
    let id = MailId::new(moment.new_uuid()?);
    let message = Message {
        id,
        to: request.to.clone(),
        subject: rendered.subject,
        text: rendered.text,
        html: rendered.html,
    };
    let mailer = Arc::clone(&mail.mailer);
    let mut line = mailer.reach().await.map_err(|Unreachable(why)| not_taken(&why))?;
    line.send(&message).await.map_err(|undelivered| match undelivered {
        Undelivered::Refused(why) | Undelivered::Deferred(why) | Undelivered::InDoubt(why) => not_taken(&why),
    })?;
    line.close().await;
    ctx.outages.end();
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let event = audit::Event::new("mail.tested", &id, json!({"to": request.to}));
    audit::record(&tx, &moment, caller, event).await?;
    tx.commit().await?;
    Ok(())
}

fn not_taken(why: &str) -> MailError {
    MailError::NotTaken(sending::reason(why))
}

fn render(mail: mail::Model) -> MailResponse {
    let is_open = matches!(mail.status, MailStatus::Waiting | MailStatus::Sending);
    MailResponse {
        id: mail.id,
        template: mail.template,
        to: mail.recipient,
        customer_id: mail.customer_id,
        status: mail.status,
        attempts: mail.attempts,
        doubtful: mail.doubtful,
        last_error: mail.last_error,
        created_at: mail.created_at,
        due_at: is_open.then_some(mail.due_at),
        sent_at: mail.sent_at,
    }
}
