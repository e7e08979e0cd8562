//! What can be wrong with a tier by itself: its features, its prices, the tier that it includes.

use std::collections::BTreeSet;

use licentia_entity::{feature, tier};
use licentia_types::features::{FeatureSelector, FeatureValueType};
use licentia_types::ids::TierId;
use licentia_types::text::Key;
use licentia_types::tokens::Enforcement;

use super::error::TierError;
use super::resolve::Catalogue;
use crate::catalog::EditError;

/// Refuses a tier that does not fit in its catalogue.
pub(super) fn check(catalogue: &Catalogue, tier: &tier::Model) -> Result<(), TierError> {
    let live: Vec<&feature::Model> = catalogue.live_features().collect();
    let find = |key: &Key| live.iter().find(|feature| feature.key == *key);
    for selector in &tier.features.0 {
        let FeatureSelector::One(key) = selector else {
            continue;
        };
        let feature = find(key).ok_or_else(|| TierError::FeatureUnknown { key: key.clone() })?;
        let valued =
            feature.value_type == FeatureValueType::Switch || tier.feature_values.0.contains_key(key);
        if !valued {
            return Err(TierError::ValueMissing { key: key.clone() });
        }
    }
    for (key, value) in &tier.feature_values.0 {
        let feature = find(key).ok_or_else(|| TierError::ValueUnknown { key: key.clone() })?;
        if feature.value_type != value.value_type() {
            return Err(TierError::ValueType { key: key.clone(), expected: feature.value_type });
        }
    }
    if tier.currency.is_none() && (tier.monthly_price.is_some() || tier.annual_price.is_some()) {
        return Err(TierError::CurrencyMissing);
    }
    check_degradation(catalogue, tier)?;
    check_inclusion(catalogue, tier)
}

/// `degrade` and where to go together in one tier. That no tier degrades to one that includes it
/// concerns the tiers that inherit it as well, and is checked with the whole catalogue.
fn check_degradation(catalogue: &Catalogue, tier: &tier::Model) -> Result<(), TierError> {
    let target = match (tier.enforcement, tier.degrade_to_tier_id) {
        (Some(Enforcement::Degrade), Some(target)) => target,
        (Some(Enforcement::Degrade), None) => return Err(TierError::DegradeTargetMissing),
        (_, Some(_)) => return Err(TierError::DegradeTargetAlone),
        (_, None) => return Ok(()),
    };
    let known = |tier: &&tier::Model| tier.id == target;
    let target = catalogue.tiers.iter().find(known).ok_or(TierError::DegradeTargetUnknown)?;
    let unchanged = catalogue
        .tiers
        .iter()
        .any(|before| before.id == tier.id && before.degrade_to_tier_id == Some(target.id));
    if target.archived_at.is_some() && !unchanged {
        return Err(TierError::DegradeTargetArchived);
    }
    Ok(())
}

fn check_inclusion(catalogue: &Catalogue, tier: &tier::Model) -> Result<(), TierError> {
    let Some(included) = tier.includes_tier_id else {
        return Ok(());
    };
    let others = catalogue.tiers.iter().filter(|other| other.id != tier.id).cloned();
    let after = Catalogue { tiers: others.chain([tier.clone()]).collect(), features: Vec::new() };
    after.path(tier.id).map_err(EditError::Resolve)?;
    let before: BTreeSet<TierId> = catalogue
        .tiers
        .iter()
        .filter(|other| other.id == tier.id)
        .filter_map(|other| other.includes_tier_id)
        .collect();
    let archived = catalogue.tiers.iter().any(|other| other.id == included && other.archived_at.is_some());
    if archived && !before.contains(&included) {
        return Err(TierError::IncludedArchived);
    }
    Ok(())
}
