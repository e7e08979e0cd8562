//! Queries on refusals.

use licentia_entity::refusal;
use licentia_types::ids::LicenseId;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Alias, Expr, Query, WindowStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, Order, QueryFilter, QueryOrder, QuerySelect,
};

use super::{KEPT, Note};
use crate::database::WriteTx;

/// Rows of one statement: databases bound the values of each.
const ROWS: usize = 500;

pub(super) async fn insert(tx: &WriteTx, notes: &[Note]) -> Result<(), DbErr> {
    for some in notes.chunks(ROWS) {
        refusal::Entity::insert_many(some.iter().map(row)).exec_without_returning(tx).await?;
    }
    Ok(())
}

fn row(note: &Note) -> refusal::ActiveModel {
    let note = note.clone();
    refusal::ActiveModel {
        id: NotSet,
        license_id: Set(note.license),
        at: Set(note.at),
        operation: Set(note.operation.as_str().to_owned()),
        code: Set(note.code.to_owned()),
        ip: Set(note.ip),
        hostname: Set(note.hostname),
        product_version: Set(note.product_version),
        fingerprint: Set(note.fingerprint),
        request_id: Set(note.request_id),
    }
}

/// One statement for all: whatever is beyond the last of its licence.
pub(super) async fn forget_old(tx: &WriteTx, licenses: &[LicenseId]) -> Result<(), DbErr> {
    let place = Alias::new("place");
    let latest_first = WindowStatement::partition_by(refusal::Column::LicenseId)
        .order_by(refusal::Column::At, Order::Desc)
        .order_by(refusal::Column::Id, Order::Desc)
        .to_owned();
    let ranked = Query::select()
        .column(refusal::Column::Id)
        .expr_window_as(Expr::cust("ROW_NUMBER()"), latest_first, place.clone())
        .from(refusal::Entity)
        .and_where(refusal::Column::LicenseId.is_in(licenses.iter().copied()))
        .to_owned();
    let old = Query::select()
        .column(refusal::Column::Id)
        .from_subquery(ranked, Alias::new("ranked"))
        .and_where(Expr::col(place).gt(i64::try_from(KEPT).unwrap_or(i64::MAX)))
        .to_owned();
    refusal::Entity::delete_many().filter(refusal::Column::Id.in_subquery(old)).exec(tx).await?;
    Ok(())
}

/// Latest first. The licence is one that the caller may know of.
pub(super) async fn of_license(
    db: &impl ConnectionTrait,
    license: LicenseId,
) -> Result<Vec<refusal::Model>, DbErr> {
    refusal::Entity::find()
        .filter(refusal::Column::LicenseId.eq(license))
        .order_by_desc(refusal::Column::At)
        .order_by_desc(refusal::Column::Id)
        .limit(u64::try_from(KEPT).unwrap_or(u64::MAX))
        .all(db)
        .await
}
