//! Queries on letters.

use licentia_entity::mail::{Column, Entity, Model};
use licentia_types::ids::MailId;
use licentia_types::mails::{MailStatus, MailTemplate};
use licentia_types::pages::PageResponse;
use licentia_types::time::Timestamp;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait,
    IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, UpdateMany,
};

use crate::database::WriteTx;
use crate::pages::{PageError, PageQuery, page, search};

pub(super) async fn insert(tx: &WriteTx, mail: Model) -> Result<(), DbErr> {
    Entity::insert(mail.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Letters of events, each of which has one at most.
pub(super) async fn insert_of_events(tx: &WriteTx, mails: Vec<Model>) -> Result<(), DbErr> {
    if mails.is_empty() {
        return Ok(());
    }
    Entity::insert_many(mails.into_iter().map(|mail| mail.into_active_model().reset_all()))
        .on_conflict(OnConflict::column(Column::EventId).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Not sent and not given up; those that stay `sending` were left behind by whoever died over them. In the words of the
/// partial index: with values in their place SQLite would not know that it is meant.
fn open() -> Condition {
    Condition::all().add(Expr::cust("status IN ('waiting', 'sending')"))
}

fn due(now: Timestamp) -> Condition {
    open().add(Column::DueAt.lte(now))
}

pub(super) async fn any_due(db: &impl ConnectionTrait, now: Timestamp) -> Result<bool, DbErr> {
    Ok(Entity::find().filter(due(now)).limit(1).count(db).await? > 0)
}

pub(super) fn oldest_due(now: Timestamp) -> Select<Entity> {
    Entity::find()
        .filter(due(now))
        .order_by_asc(Column::DueAt)
        // Ids of one instant are in no order.
        .order_by_asc(Column::EventId)
        .order_by_asc(Column::Id)
}

/// The same of those that somebody waits for; in the words of their partial index.
pub(super) fn oldest_urgent(now: Timestamp) -> Select<Entity> {
    oldest_due(now).filter(Expr::cust("urgent"))
}

/// The one that has been due for longest: of those that somebody waits for, if there are any, or of all.
pub(super) async fn next_due(
    db: &impl ConnectionTrait,
    now: Timestamp,
    of_all: bool,
) -> Result<Option<Model>, DbErr> {
    if !of_all && let Some(urgent) = oldest_urgent(now).one(db).await? {
        return Ok(Some(urgent));
    }
    oldest_due(now).one(db).await
}

/// Those that are not worth sending any more; due, or resting.
pub(super) async fn overdue(
    db: &impl ConnectionTrait,
    now: Timestamp,
    most: u64,
) -> Result<Vec<MailId>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(open())
        .filter(Column::GiveUpAt.lte(now))
        .order_by_asc(Column::Id)
        .limit(most)
        .into_tuple()
        .all(db)
        .await
}

/// The row, as long as it is as it was read.
fn unchanged(mail: &Model) -> UpdateMany<Entity> {
    Entity::update_many()
        .filter(Column::Id.eq(mail.id))
        .filter(Column::Status.eq(mail.status))
        .filter(Column::Attempts.eq(mail.attempts))
}

/// Writes what has become of a letter; false when it was another one meanwhile.
pub(super) async fn change(tx: &WriteTx, before: &Model, after: &Model) -> Result<bool, DbErr> {
    let written = unchanged(before)
        .col_expr(Column::Status, after.status.into())
        .col_expr(Column::Letter, after.letter.clone().into())
        .col_expr(Column::Attempts, after.attempts.into())
        .col_expr(Column::Doubtful, after.doubtful.into())
        .col_expr(Column::LastError, after.last_error.clone().into())
        .col_expr(Column::DueAt, after.due_at.into())
        .col_expr(Column::GiveUpAt, after.give_up_at.into())
        .col_expr(Column::SentAt, after.sent_at.into())
        .exec(tx)
        .await?;
    Ok(written.rows_affected == 1)
}

/// Gives letters up.
pub(super) async fn give_up(tx: &WriteTx, mails: Vec<MailId>, why: &str) -> Result<(), DbErr> {
    let why = Expr::col(Column::LastError).if_null(why);
    Entity::update_many()
        .col_expr(Column::Status, MailStatus::Failed.into())
        .col_expr(Column::LastError, why)
        .filter(open())
        .filter(Column::Id.is_in(mails))
        .exec(tx)
        .await?;
    Ok(())
}

/// Which letters a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct MailFilter {
    /// As far as this.
    pub status: Option<MailStatus>,
    /// About this.
    pub template: Option<MailTemplate>,
}

pub(super) async fn list(
    db: &impl ConnectionTrait,
    filter: MailFilter,
    query: &PageQuery,
) -> Result<PageResponse<Model>, PageError> {
    let found = Entity::find()
        .apply_if(filter.status, |select, status| select.filter(Column::Status.eq(status)))
        .apply_if(filter.template, |select, template| select.filter(Column::Template.eq(template)))
        .filter(search(query.q.as_deref(), &[Column::Recipient]));
    page(db, found, Column::Id, |mail: &Model| mail.id.uuid(), query).await
}

pub(super) async fn find(db: &impl ConnectionTrait, id: MailId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

pub(super) async fn find_locked(tx: &WriteTx, id: MailId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).lock_exclusive().one(tx).await
}

/// Letters that are done with, written before then.
pub(crate) async fn done_before(
    db: &impl ConnectionTrait,
    before: Timestamp,
    most: u64,
) -> Result<Vec<MailId>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::CreatedAt.lt(before))
        .filter(Column::Status.is_in([MailStatus::Sent, MailStatus::Failed]))
        .order_by_asc(Column::Id)
        .limit(most)
        .into_tuple()
        .all(db)
        .await
}

pub(crate) async fn forget(tx: &WriteTx, mails: Vec<MailId>) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::Id.is_in(mails)).exec(tx).await?;
    Ok(())
}
