//! Keys and orders that have their licence already. The database's constraints decide; here is
//! told which of several licences it was.

use std::collections::HashSet;
use std::hash::Hash;

use licentia_entity::license;
use licentia_types::text::Reference;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};

use super::Draft;
use crate::database::{Constraint, WriteTx, violates};
use crate::licenses::error::LicenseError;
use crate::licenses::store;

const KEY_TAKEN: Constraint = Constraint { name: "license_key_digest", columns: "license.key_digest" };
const ORDER_TAKEN: Constraint =
    Constraint { name: "license_source_order", columns: "license.source, license.source_order_id" };

/// What the database refused, and for which of the licences.
pub(super) async fn locate(
    db: &impl ConnectionTrait,
    drafts: &[Draft],
    error: DbErr,
) -> Result<LicenseError, LicenseError> {
    let (refusal, place) = if violates(&error, KEY_TAKEN) {
        let taken = taken_keys(db, drafts).await?;
        (LicenseError::KeyTaken, first_taken(drafts, taken, |draft| Some(draft.license.key_digest.clone())))
    } else if violates(&error, ORDER_TAKEN) {
        let taken = taken_orders(db, drafts).await?;
        (LicenseError::OrderTaken, first_taken(drafts, taken, order))
    } else {
        return Err(error.into());
    };
    // Nowhere to be seen: whoever had it is gone already.
    Ok(match place {
        Some(index) => refusal.at(index),
        None => refusal,
    })
}

/// A key that was replaced once is never given again. Asked after the insert: whoever replaces
/// the same key at this instant is done by now.
pub(super) async fn expect_never_given(tx: &WriteTx, drafts: &[Draft]) -> Result<(), LicenseError> {
    let chosen = drafts.iter().filter(|draft| draft.chosen);
    let former =
        store::former_keys(tx, chosen.map(|draft| draft.license.key_digest.clone()).collect()).await?;
    match drafts.iter().position(|draft| former.contains(&draft.license.key_digest)) {
        Some(index) => Err(LicenseError::KeyTaken.at(index)),
        None => Ok(()),
    }
}

/// The first one whose name is taken, by another licence or by one before it.
fn first_taken<T: Eq + Hash>(
    drafts: &[Draft],
    mut taken: HashSet<T>,
    name: impl Fn(&Draft) -> Option<T>,
) -> Option<usize> {
    drafts.iter().position(|draft| name(draft).is_some_and(|name| !taken.insert(name)))
}

fn order(draft: &Draft) -> Option<(Reference, Reference)> {
    draft.license.source.clone().zip(draft.license.source_order_id.clone())
}

async fn taken_keys(db: &impl ConnectionTrait, drafts: &[Draft]) -> Result<HashSet<Vec<u8>>, DbErr> {
    let digests = drafts.iter().map(|draft| draft.license.key_digest.clone());
    let of_these = license::Entity::find().filter(license::Column::KeyDigest.is_in(digests));
    let taken: Vec<Vec<u8>> =
        of_these.select_only().column(license::Column::KeyDigest).into_tuple().all(db).await?;
    Ok(taken.into_iter().collect())
}

async fn taken_orders(
    db: &impl ConnectionTrait,
    drafts: &[Draft],
) -> Result<HashSet<(Reference, Reference)>, DbErr> {
    let orders = drafts.iter().filter_map(|draft| draft.license.source_order_id.clone());
    let of_these = license::Entity::find()
        .filter(license::Column::SourceOrderId.is_in(orders))
        .filter(license::Column::Source.is_not_null());
    let taken: Vec<(Reference, Reference)> = of_these
        .select_only()
        .column(license::Column::Source)
        .column(license::Column::SourceOrderId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(taken.into_iter().collect())
}
