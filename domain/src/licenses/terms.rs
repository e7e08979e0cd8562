//! What a licence may be issued on: its tier, its owner, its own features.

use licentia_entity::{license, product, tier};
use licentia_types::ids::{CustomerId, TierId};
use licentia_types::licenses::{FeatureOverrides, Term};
use licentia_types::prices::BillingPeriod;
use licentia_types::text::Key;

use super::error::LicenseError;
use crate::context::Context;
use crate::customers::{self, Owner};
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::scope::Scope;
use crate::tiers::Catalogue;
use crate::tokens::{Entitlements, LimitOverrides, check_size};

/// For how long a licence was issued, where that was said.
pub(crate) fn own_term(license: &license::Model) -> Option<Term> {
    let days = license.term_days.and_then(|days| u32::try_from(days).ok()).map(Term::Days);
    days.or_else(|| license.term_months.and_then(|months| u32::try_from(months).ok()).map(Term::Months))
}

/// As many days as can be meant.
pub(super) fn term_of_days(days: u32) -> Result<Term, LicenseError> {
    if (1..=36_500).contains(&days) { Ok(Term::Days(days)) } else { Err(LicenseError::ValidDays) }
}

/// A period by which the tier is sold.
pub(super) fn term_of_period(tier: &tier::Model, period: BillingPeriod) -> Result<Term, LicenseError> {
    if tier.billing_periods.0.contains(&period) {
        Ok(Term::Months(period.months()))
    } else {
        Err(LicenseError::PeriodNotSold)
    }
}

/// A tier at which licences are issued, and to which they may change.
pub(super) fn tier_on_sale(catalogue: &Catalogue, id: TierId) -> Result<&tier::Model, LicenseError> {
    let on_sale = |tier: &&tier::Model| tier.id == id && tier.archived_at.is_none();
    catalogue.tiers.iter().find(on_sale).ok_or(LicenseError::TierUnknown)
}

/// A customer, who stays in its group until the transaction ends.
pub(super) async fn find_owner(tx: &WriteTx, scope: Scope, id: CustomerId) -> Result<Option<Owner>, Failure> {
    Ok(customers::store::hold_all(tx, scope, [id]).await?.first().map(Owner::of))
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

/// What a licence would grant that had the overrides `had`. Refuses new ones that name what is not
/// there, those that contradict themselves, and what grows a token too far. The product is held as
/// it is by the caller, or an edit of its catalogue could slip in between.
pub(crate) fn checked(
    ctx: &Context,
    product: &product::Model,
    catalogue: &Catalogue,
    license: &license::Model,
    had: &FeatureOverrides,
) -> Result<Entitlements, LicenseError> {
    check_named(catalogue, &license.features, had)?;
    let entitlements = entitlements(ctx, catalogue, license)?;
    check_size(&entitlements.largest_claim_set(&ctx.settings.issuer, product))?;
    Ok(entitlements)
}

/// What a licence names already it may go on naming: what is archived since grants nothing, and is
/// no obstacle to other changes.
fn check_named(
    catalogue: &Catalogue,
    overrides: &FeatureOverrides,
    had: &FeatureOverrides,
) -> Result<(), LicenseError> {
    if overrides.set.is_some() && !(overrides.add.is_empty() && overrides.remove.is_empty()) {
        return Err(LicenseError::FeaturesMixed);
    }
    let unknown = |pointer: &str, key: &Key| LicenseError::FeatureUnknown {
        pointer: pointer.to_owned(),
        key: key.clone(),
    };
    let expect = |pointer: &str, key: &Key, named: bool| {
        let known = named || catalogue.live_entitlement(key).is_some();
        if known { Ok(()) } else { Err(unknown(pointer, key)) }
    };
    for key in &overrides.add {
        expect("/features/add", key, had.grants(key))?;
    }
    for key in &overrides.remove {
        expect("/features/remove", key, had.remove.contains(key))?;
    }
    for key in overrides.set.iter().flatten() {
        expect("/features/set", key, had.grants(key))?;
    }
    for (key, value) in overrides.values.iter().filter(|(key, value)| had.values.get(*key) != Some(*value)) {
        let feature = catalogue.live_entitlement(key);
        if feature.ok_or_else(|| unknown("/features/values", key))?.value_type != value.value_type() {
            return Err(LicenseError::ValueType { key: key.clone() });
        }
    }
    Ok(())
}
