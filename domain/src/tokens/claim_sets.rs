//! What was ever claimed, kept once for each licence version and catalogue revision.

use std::collections::{BTreeMap, HashMap};

use licentia_crypto::sealing::Place;
use licentia_entity::{claim_set, license, product};
use licentia_types::ids::LicenseId;
use licentia_types::time::Timestamp;
use licentia_types::tokens::ClaimSet;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};

use crate::context::{Context, Moment};
use crate::failure::Failure;
use crate::licenses::grants::Granted;

/// Finds, or keeps, the one row for what is claimed of this licence at this version of it and of
/// its product's catalogue.
pub(crate) async fn keep_claim_set(
    tx: &impl ConnectionTrait,
    ctx: &Context,
    moment: &Moment<'_>,
    granted: &Granted,
) -> Result<i64, Failure> {
    let Granted { license, product, .. } = granted;
    if let Some(id) = find_claim_set(tx, license, product).await? {
        return Ok(id);
    }
    let kept = keep_claim_sets(tx, ctx, moment, &[granted]).await?;
    kept.get(&license.id).copied().ok_or(Failure::Corrupt("claim set"))
}

/// The same for several licences, most of which have none yet.
pub(crate) async fn keep_claim_sets(
    tx: &impl ConnectionTrait,
    ctx: &Context,
    moment: &Moment<'_>,
    granted: &[&Granted],
) -> Result<HashMap<LicenseId, i64>, Failure> {
    // In one order, or two instances would wait for each other.
    let by_license: BTreeMap<LicenseId, &Granted> =
        granted.iter().map(|granted| (granted.license.id, *granted)).collect();
    let row = |granted: &&Granted| {
        let Granted { license, product, claim_set, .. } = granted;
        seal_claim_set(ctx, moment.now, license, product, claim_set)
    };
    let rows: Vec<_> = by_license.values().map(row).collect::<Result<_, _>>()?;
    claim_set::Entity::insert_many(rows)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    let named = by_license
        .values()
        .fold(Condition::any(), |any, granted| any.add(named(&granted.license, &granted.product)));
    let kept: Vec<(LicenseId, i64)> = claim_set::Entity::find()
        .select_only()
        .columns([claim_set::Column::LicenseId, claim_set::Column::Id])
        .filter(named)
        .into_tuple()
        .all(tx)
        .await?;
    Ok(kept.into_iter().collect())
}

/// The same for licences that are new, as a part of something larger.
pub(crate) async fn insert_claim_sets(
    tx: &impl ConnectionTrait,
    rows: Vec<claim_set::ActiveModel>,
) -> Result<HashMap<LicenseId, i64>, DbErr> {
    let kept = claim_set::Entity::insert_many(rows).exec_with_returning(tx).await?;
    Ok(kept.into_iter().map(|row| (row.license_id, row.id)).collect())
}

fn named(license: &license::Model, product: &product::Model) -> Condition {
    Condition::all()
        .add(claim_set::Column::LicenseId.eq(license.id))
        .add(claim_set::Column::LicenseVersion.eq(license.version))
        .add(claim_set::Column::CatalogueRevision.eq(product.catalogue_revision))
}

/// The row that keeps what is claimed of this licence at this version of it and of its product's
/// catalogue.
///
/// # Errors
/// When it cannot be sealed.
pub fn seal_claim_set(
    ctx: &Context,
    now: Timestamp,
    license: &license::Model,
    product: &product::Model,
    set: &ClaimSet,
) -> Result<claim_set::ActiveModel, Failure> {
    let json = serde_json::to_vec(set).map_err(|_| Failure::Corrupt("claim set"))?;
    let row_name = row_name(license.id, license.version, product.catalogue_revision);
    Ok(claim_set::ActiveModel {
        license_id: Set(license.id),
        license_version: Set(license.version),
        catalogue_revision: Set(product.catalogue_revision),
        sealed: Set(ctx.kek.seal(place(&row_name), &json)?.into_bytes()),
        created_at: Set(now),
        ..Default::default()
    })
}

/// What was claimed, by the row that keeps it.
pub(crate) async fn open_claim_sets(
    db: &impl ConnectionTrait,
    ctx: &Context,
    ids: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, ClaimSet>, Failure> {
    let rows = claim_set::Entity::find().filter(claim_set::Column::Id.is_in(ids)).all(db).await?;
    let open = |row: claim_set::Model| {
        let name = row_name(row.license_id, row.license_version, row.catalogue_revision);
        let json = ctx.kek.open(place(&name), &row.sealed)?;
        Ok((row.id, serde_json::from_slice(&json).map_err(|_| Failure::Corrupt("claim set"))?))
    };
    rows.into_iter().map(open).collect()
}

fn row_name(license: LicenseId, version: i64, catalogue_revision: i64) -> String {
    format!("{license}:{version}:{catalogue_revision}")
}

fn place(row_name: &str) -> Place<'_> {
    Place { table: "claim_set", column: "sealed", row: row_name }
}

pub(crate) async fn find_claim_set(
    db: &impl ConnectionTrait,
    license: &license::Model,
    product: &product::Model,
) -> Result<Option<i64>, Failure> {
    let id = claim_set::Entity::find()
        .select_only()
        .column(claim_set::Column::Id)
        .filter(named(license, product))
        .into_tuple()
        .one(db)
        .await?;
    Ok(id)
}
