//! What can be wrong with a tier by itself: its features, its prices, the tier that it includes.

use std::collections::BTreeSet;

use licentia_entity::{feature, tier};
use licentia_types::features::{FeatureSelector, FeatureValueType};
use licentia_types::ids::TierId;
use licentia_types::text::Key;

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
    check_inclusion(catalogue, tier)
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
