//! What a licence may be issued on: its tier, its owner, its own features.

use licentia_entity::{feature, license, product, tier};
use licentia_types::features::FeatureKind;
use licentia_types::ids::{CustomerId, TierId};
use licentia_types::text::Key;
use sea_orm::{ConnectionTrait, EntityTrait};

use super::error::LicenseError;
use crate::catalog;
use crate::context::Context;
use crate::customers;
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::scope::Scope;
use crate::tiers::Catalogue;
use crate::tokens::{Entitlements, LimitOverrides, check_size};

pub(crate) async fn tier_on_sale(
    tx: &WriteTx,
    product: &product::Model,
    id: TierId,
) -> Result<tier::Model, LicenseError> {
    let tier = tier::Entity::find_by_id(id).one(tx).await?;
    tier.filter(|tier| tier.product_id == product.id && tier.archived_at.is_none())
        .ok_or(LicenseError::TierUnknown)
}

pub(crate) async fn expect_customer(
    db: &impl ConnectionTrait,
    scope: Scope,
    id: CustomerId,
) -> Result<CustomerId, LicenseError> {
    let customer = customers::store::find(db, scope, id).await?;
    customer.map(|customer| customer.id).ok_or(LicenseError::CustomerUnknown)
}

/// What a licence grants now.
pub(crate) fn entitlements(
    ctx: &Context,
    catalogue: &Catalogue,
    license: &license::Model,
) -> Result<Entitlements, Failure> {
    let tier = catalogue.resolve(license.tier_id, &ctx.settings).map_err(|_| Failure::Corrupt("tier"))?;
    Ok(Entitlements::of(catalogue, &tier, &license.features, LimitOverrides::from(license)))
}

/// Refuses overrides that name what is not there, contradict themselves, or grow a token too far.
/// The product is held as it is by the caller, or an edit of its catalogue could slip in between.
pub(crate) async fn check_features(
    ctx: &Context,
    tx: &WriteTx,
    product: &product::Model,
    license: &license::Model,
) -> Result<(), LicenseError> {
    let catalogue = catalog::load(tx, product.id).await?;
    check_named(&catalogue, license)?;
    let entitlements = entitlements(ctx, &catalogue, license)?;
    Ok(check_size(&entitlements.largest_claim_set(&ctx.settings.issuer, product))?)
}

fn check_named(catalogue: &Catalogue, license: &license::Model) -> Result<(), LicenseError> {
    let overrides = &license.features;
    if overrides.set.is_some() && !(overrides.add.is_empty() && overrides.remove.is_empty()) {
        return Err(LicenseError::FeaturesMixed);
    }
    let find = |pointer: &str, key: &Key| -> Result<&feature::Model, LicenseError> {
        let entitlement =
            |feature: &&feature::Model| feature.key == *key && feature.kind == FeatureKind::Entitlement;
        let unknown = || LicenseError::FeatureUnknown { pointer: pointer.to_owned(), key: key.clone() };
        catalogue.live_features().find(entitlement).ok_or_else(unknown)
    };
    for key in &overrides.add {
        find("/features/add", key)?;
    }
    for key in &overrides.remove {
        find("/features/remove", key)?;
    }
    for key in overrides.set.iter().flatten() {
        find("/features/set", key)?;
    }
    for (key, value) in &overrides.values {
        if find("/features/values", key)?.value_type != value.value_type() {
            return Err(LicenseError::ValueType { key: key.clone() });
        }
    }
    Ok(())
}
