//! The job that sends: one letter after the other, marked before it is handed over and after it was taken.
//!
//! That nobody is there to take letters is no letter's fault: all of them wait, and count no try. A letter by itself that
//! is not taken rests for longer each time, and is given up when it is refused for good, or too late.

use licentia_entity::mail;
use licentia_types::mails::MailStatus;
use licentia_types::time::Seconds;
use serde_json::Value;

use super::message::{Line, Message, Undelivered};
use super::{Mail, place, rules, store};
use crate::context::Context;
use crate::database::Lane;
use crate::failure::Failure;
use crate::jobs::{Left, Turn};

/// Letters of one turn: however many there are, the other jobs get theirs.
const LETTERS_OF_A_TURN: usize = 50;
/// Of so many letters one is the oldest, whoever waits for others: strangers who register hold nobody's licence back.
const OLDEST_OF: usize = 4;
/// Letters that are given up in one transaction.
const MOST_GIVEN_UP: u64 = 500;
/// How long whoever hands a letter over may be silent before he counts as dead: longer than any line takes.
const LEFT_BEHIND: Seconds = Seconds::constant(300);
/// Of what a mail server says, so much is kept.
const LONGEST_REASON: usize = 300;
const TOO_LATE: &str = "it was not taken in time";

/// Whether a letter is due, and somebody may be there to take it.
pub(crate) async fn has_work(ctx: &Context) -> Result<bool, Failure> {
    let now = ctx.moment().now;
    if !super::is_on(ctx) || ctx.outages.last_at(now) {
        return Ok(false);
    }
    Ok(store::any_due(&ctx.db, now).await?)
}

/// Sends what is due: first what somebody waits for, then the oldest; and now and then the oldest all the same.
pub(crate) async fn work(ctx: &Context, turn: &Turn) -> Result<Left, Failure> {
    let Some(mail) = &ctx.mail else { return Ok(Left::Nothing) };
    if !give_up_overdue(ctx, turn).await? {
        return Ok(Left::Nothing);
    }
    let mut line = None;
    let mut left = Left::More;
    for number in 1..=LETTERS_OF_A_TURN {
        let is_oldest = number % OLDEST_OF == 0;
        let Some(row) = store::next_due(&ctx.db, ctx.moment().now, is_oldest).await? else {
            left = Left::Nothing;
            break;
        };
        let Some(message) = written(ctx, turn, mail, &row).await? else { continue };
        let mut open: Box<dyn Line> = match line.take() {
            Some(open) => open,
            None => reach(ctx, mail).await?,
        };
        let Some(sending) = begin(ctx, turn, row).await? else { return Ok(Left::Nothing) };
        let sent = open.send(&message).await;
        if sent.is_ok() {
            line = Some(open);
        }
        end(ctx, sending, sent).await?;
    }
    if let Some(line) = line {
        line.close().await;
    }
    Ok(left)
}

/// False when another instance has taken the job over.
async fn give_up_overdue(ctx: &Context, turn: &Turn) -> Result<bool, Failure> {
    let late = store::overdue(&ctx.db, ctx.moment().now, MOST_GIVEN_UP).await?;
    if late.is_empty() {
        return Ok(true);
    }
    let tx = ctx.db.write(Lane::Ordinary).await?;
    if !turn.keep(ctx, &tx).await? {
        return Ok(false);
    }
    store::give_up(&tx, late, TOO_LATE).await?;
    tx.commit().await?;
    Ok(true)
}

async fn reach(ctx: &Context, mail: &Mail) -> Result<Box<dyn Line>, Failure> {
    let reached = mail.mailer.reach().await;
    match reached {
        Ok(line) => {
            ctx.outages.end();
            Ok(line)
        }
        Err(unreachable) => {
            ctx.outages.begin(ctx.moment().now);
            Err(unreachable.into())
        }
    }
}

/// The letter written out; none: it cannot be, and is given up.
async fn written(
    ctx: &Context,
    turn: &Turn,
    mail: &Mail,
    row: &mail::Model,
) -> Result<Option<Message>, Failure> {
    let why = match write(ctx, mail, row) {
        Ok(message) => return Ok(Some(message)),
        Err(why) => why,
    };
    let tx = ctx.db.write(Lane::Ordinary).await?;
    if turn.keep(ctx, &tx).await? {
        store::give_up(&tx, vec![row.id], &why).await?;
        tx.commit().await?;
    }
    Ok(None)
}

/// Whatever is wrong is the letter's fault: the next one may be right.
fn write(ctx: &Context, mail: &Mail, row: &mail::Model) -> Result<Message, String> {
    let sealed = row.letter.as_ref().ok_or_else(|| "it is empty".to_owned())?;
    let text =
        ctx.kek.open(place(&row.id.to_string()), sealed).map_err(|error| reason(&error.to_string()))?;
    let values: Value = serde_json::from_slice(&text).map_err(|_| "it cannot be read".to_owned())?;
    let token = values.get("token").and_then(Value::as_str);
    let link = token.and_then(|token| mail.links.of(row.template, token));
    let rendered = mail.templates.render(row.template, &values, link.as_deref(), &ctx.settings.issuer);
    rendered.map_err(|error| reason(&error.to_string())).map(|rendered| Message {
        id: row.id,
        to: row.recipient.clone(),
        subject: rendered.subject,
        text: rendered.text,
        html: rendered.html,
    })
}

/// Marks a letter that is about to be handed over; none when another instance has taken the job over.
async fn begin(ctx: &Context, turn: &Turn, row: mail::Model) -> Result<Option<mail::Model>, Failure> {
    let now = ctx.moment().now;
    // Whoever was at it before never said how it ended.
    let doubtful = row.doubtful.saturating_add(i32::from(row.status == MailStatus::Sending));
    let sending = mail::Model {
        status: MailStatus::Sending,
        attempts: row.attempts.saturating_add(1),
        doubtful,
        due_at: now + LEFT_BEHIND,
        ..row.clone()
    };
    let tx = ctx.db.write(Lane::Ordinary).await?;
    if !turn.keep(ctx, &tx).await? || !store::change(&tx, &row, &sending).await? {
        return Ok(None);
    }
    tx.commit().await?;
    Ok(Some(sending))
}

/// Marks how it ended. When even that fails, it stays marked as being handed over.
async fn end(ctx: &Context, sending: mail::Model, sent: Result<(), Undelivered>) -> Result<(), Failure> {
    let now = ctx.moment().now;
    let before = sending.clone();
    let later = now + rules::pause(sending.attempts);
    let why = sent.as_ref().err().map(|undelivered| reason(&undelivered.to_string()));
    let after = match sent {
        // Nobody needs to know any more what stood in it.
        Ok(()) => mail::Model {
            status: MailStatus::Sent,
            sent_at: Some(now),
            letter: None,
            last_error: None,
            ..sending
        },
        Err(Undelivered::Refused(_)) => {
            mail::Model { status: MailStatus::Failed, last_error: why, ..sending }
        }
        Err(Undelivered::Deferred(_)) => {
            mail::Model { status: MailStatus::Waiting, last_error: why, due_at: later, ..sending }
        }
        Err(Undelivered::InDoubt(_)) => mail::Model {
            status: MailStatus::Waiting,
            last_error: why,
            due_at: later,
            doubtful: sending.doubtful.saturating_add(1),
            ..sending
        },
    };
    let tx = ctx.db.write(Lane::Ordinary).await?;
    store::change(&tx, &before, &after).await?;
    tx.commit().await?;
    Ok(())
}

/// What somebody else said, as it may be kept and shown.
pub(super) fn reason(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.chars().take(LONGEST_REASON).collect()
}
