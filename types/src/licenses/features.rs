//! How a licence's features differ from its tier's.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::features::FeatureValue;
use crate::text::Key;

/// How a licence's features differ from its tier's: added and removed, or a frozen set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::FromJsonQueryResult))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FeatureOverrides {
    /// Beside those of the tier.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub add: BTreeSet<Key>,
    /// Taken away, whatever the tier says.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub remove: BTreeSet<Key>,
    /// Exactly these, whatever becomes of the tier. Excludes `add` and `remove`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<BTreeSet<Key>>,
    /// Values of typed features that are granted here or by the tier.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<Key, FeatureValue>,
}

impl FeatureOverrides {
    /// Whether the feature is granted here, whatever the tier says.
    #[must_use]
    pub fn grants(&self, key: &Key) -> bool {
        self.add.contains(key)
            || self.values.contains_key(key)
            || self.set.as_ref().is_some_and(|set| set.contains(key))
    }
}

/// Changes what a licence has beside its tier, bit by bit. What is not named stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeFeaturesRequest {
    /// Granted from now on, also what was removed before. Joins a frozen set.
    #[serde(default)]
    pub add: BTreeSet<Key>,
    /// Taken away from now on, also what was added before. Leaves a frozen set. What was
    /// archived is only not added any more.
    #[serde(default)]
    pub remove: BTreeSet<Key>,
    /// Exactly these from now on, whatever becomes of the tier; `null`: as the tier again, without
    /// any difference. Excludes `add` and `remove`; `null` stands alone.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<BTreeSet<Key>>))]
    pub set: Change<BTreeSet<Key>>,
    /// Values of typed features, which they grant; `null`: as the tier says again.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<Key, serde_json::Value>))]
    pub values: BTreeMap<Key, Option<FeatureValue>>,
}
