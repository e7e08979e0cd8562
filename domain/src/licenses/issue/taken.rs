//! Keys and orders that have their licence already. The database's constraints decide; here is
//! told which of several licences it was.

use std::collections::HashSet;
use std::hash::Hash;

use licentia_types::text::Reference;
use sea_orm::{ConnectionTrait, DbErr};

use super::Draft;
use crate::context::Context;
use crate::database::{Constraint, WriteTx, violates};
use crate::licenses::error::LicenseError;
use crate::licenses::keys::{self, KeyDigests};
use crate::licenses::store;

pub(crate) const KEY_TAKEN: Constraint =
    Constraint { name: "license_key_digest", columns: "license.key_digest" };
pub(crate) const ORDER_TAKEN: Constraint =
    Constraint { name: "license_source_order", columns: "license.source, license.source_order_id" };

/// What the database refused, and for which of the licences.
pub(super) async fn locate(
    db: &impl ConnectionTrait,
    drafts: &[Draft],
    error: DbErr,
) -> Result<LicenseError, LicenseError> {
    let (refusal, place) = if violates(&error, KEY_TAKEN) {
        let digests = drafts.iter().map(|draft| draft.license.key_digest.clone());
        let taken = store::taken_keys(db, digests).await?;
        (LicenseError::KeyTaken, first_taken(drafts, taken, |draft| Some(draft.license.key_digest.clone())))
    } else if violates(&error, ORDER_TAKEN) {
        let orders = drafts.iter().filter_map(|draft| draft.license.source_order_id.clone());
        let taken = store::taken_orders(db, orders).await?;
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

/// A key that was replaced once is never given again, nor one of which the SHA-256 was imported. Asked
/// after the insert: whoever replaces the same key at this instant is done by now.
pub(super) async fn expect_never_given(
    ctx: &Context,
    tx: &WriteTx,
    drafts: &[Draft],
) -> Result<(), LicenseError> {
    let digests: Vec<KeyDigests> = drafts.iter().map(|draft| keys::digest(ctx, &draft.key)).collect();
    let chosen = || drafts.iter().zip(&digests).filter(|(draft, _)| draft.chosen);
    let mut taken = store::former_keys(tx, chosen().flat_map(|(_, key)| key.all()).collect()).await?;
    let imported: Vec<Vec<u8>> = chosen().filter_map(|(_, key)| key.of_sha256.clone()).collect();
    if !imported.is_empty() {
        taken.extend(store::taken_keys(tx, imported).await?);
    }
    match digests.iter().position(|key| key.all().any(|digest| taken.contains(&digest))) {
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
