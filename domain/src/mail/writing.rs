//! The job that writes: letters of what happened, to whoever owns it, and of passwords that were forgotten.
//!
//! An event of which a letter is to be written says so in its own row, and no more in the transaction that has the letter.
//! A place in the order of events would not do: PostgreSQL gives their ids when they are written, and shows them when they
//! are committed, so that what was passed over comes later.

use licentia_entity::{customer, event, license, mail, product};
use licentia_types::text::Email;
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    Select,
};

use super::about::{Facts, letter};
use super::{Letter, Template, row, store};
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::failure::Failure;
use crate::jobs::{Left, Turn};
use crate::licenses;
use crate::passwords::forgotten;

/// Events of one transaction.
const BATCH: u64 = 100;
/// Transactions of one turn: however much happened, the other jobs get theirs.
const BATCHES_OF_A_TURN: usize = 20;
/// Machines that ask to come in are as many as somebody likes: their owner is told once in so long, of each licence.
const BETWEEN_WAITING: Seconds = Seconds::constant(3_600);
/// What happened so long ago, before there was mail, is no news.
const NEWS: Seconds = Seconds::constant(86_400);

/// Whether anything happened, or anybody forgot his password.
pub(crate) async fn has_work(ctx: &Context) -> Result<bool, Failure> {
    if !super::is_on(ctx) {
        return Ok(false);
    }
    let due = due().limit(1).count(&ctx.db).await?;
    Ok(due > 0 || forgotten::any(&ctx.db).await?)
}

/// Writes the letters of what happened, in the order in which it did.
pub(crate) async fn work(ctx: &Context, turn: &Turn) -> Result<Left, Failure> {
    if !super::is_on(ctx) {
        return Ok(Left::Nothing);
    }
    for _ in 0..BATCHES_OF_A_TURN {
        let moment = ctx.moment();
        let tx = ctx.db.write(Lane::Ordinary).await?;
        if !turn.keep(ctx, &tx).await? {
            return Ok(Left::Nothing);
        }
        let told = write_of_events(ctx, &tx, &moment).await?;
        let answered = forgotten::answer(ctx, &tx, &moment, BATCH).await?;
        tx.commit().await?;
        if told < BATCH && answered < BATCH {
            return Ok(Left::Nothing);
        }
    }
    Ok(Left::More)
}

/// Events of which a letter is due, in the words of the partial index: with a value in its place SQLite would not know
/// that it is meant.
pub(super) fn due() -> Select<event::Entity> {
    event::Entity::find().filter(Expr::cust("letter_due"))
}

/// Gives how many events were looked at.
async fn write_of_events(ctx: &Context, tx: &WriteTx, moment: &Moment<'_>) -> Result<u64, Failure> {
    let events = due().order_by_asc(event::Column::Id).limit(BATCH).all(tx).await?;
    let mut mails = Vec::new();
    for event in events.iter().filter(|event| is_news(event.at, moment.now)) {
        mails.extend(of_event(ctx, tx, moment, event).await?);
    }
    store::insert_of_events(tx, mails).await?;
    let ids: Vec<i64> = events.iter().map(|event| event.id).collect();
    let looked_at = u64::try_from(ids.len()).unwrap_or(u64::MAX);
    if !ids.is_empty() {
        event::Entity::update_many()
            .col_expr(event::Column::LetterDue, Expr::value(false))
            .filter(event::Column::Id.is_in(ids))
            .exec(tx)
            .await?;
    }
    Ok(looked_at)
}

fn is_news(at: Timestamp, now: Timestamp) -> bool {
    at > now - NEWS
}

/// The letter of an event; none where nobody has an address.
async fn of_event(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    event: &event::Model,
) -> Result<Option<mail::Model>, Failure> {
    let Some((to, facts)) = facts(tx, event).await? else { return Ok(None) };
    let (template, values) = match letter(ctx, tx, event, &facts).await {
        Ok(Some(written)) => written,
        Ok(None) => return Ok(None),
        // One key that does not open keeps no other letter from being written.
        Err(failure) if failure.is_unreadable() => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let notice = (facts.license.id, template);
    if template == Template::MachineWaiting
        && !licenses::store::may_notice(tx, notice, moment.now, BETWEEN_WAITING).await?
    {
        return Ok(None);
    }
    let customer = event.customer_id;
    let written = row(ctx, moment, Letter { to, template, values, customer })?;
    Ok(Some(mail::Model { event_id: Some(event.id), ..written }))
}

/// What is to be known of what happened; none where nobody owns it, or he has no address. The licence is as it is now:
/// of one that went to somebody else meanwhile its former owner is told nothing.
async fn facts(db: &impl ConnectionTrait, event: &event::Model) -> Result<Option<(Email, Facts)>, DbErr> {
    let (Some(customer), Some(license)) = (event.customer_id, event.license_id) else { return Ok(None) };
    let Some(to) = customer::Entity::find_by_id(customer).one(db).await?.and_then(|found| found.email) else {
        return Ok(None);
    };
    let found = license::Entity::find_by_id(license).one(db).await?;
    let Some(license) = found.filter(|license| license.customer_id == Some(customer)) else {
        return Ok(None);
    };
    let Some(product) = product::Entity::find_by_id(license.product_id).one(db).await? else {
        return Ok(None);
    };
    Ok(Some((to, Facts { license, product })))
}
