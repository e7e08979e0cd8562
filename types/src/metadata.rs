//! A vendor's own small data on a customer or licence; stored and given back, never interpreted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Most members of one metadata object.
pub const MOST_MEMBERS: usize = 50;
const KEY_BYTES: usize = 63;
const TEXT_BYTES: usize = 500;

/// Up to 50 members with keys of 63 bytes; texts of up to 500 bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::FromJsonQueryResult))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(try_from = "BTreeMap<String, MetadataValue>", into = "BTreeMap<String, MetadataValue>")]
pub struct Metadata(BTreeMap<String, MetadataValue>);

/// One value of a metadata object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum MetadataValue {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any finite number.
    Number(f64),
    /// Text without control characters.
    Text(String),
}

/// Why metadata was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "at most {MOST_MEMBERS} members; keys 1 to {KEY_BYTES} and texts up to {TEXT_BYTES} bytes, no control characters"
)]
pub struct MetadataInvalid;

impl TryFrom<BTreeMap<String, MetadataValue>> for Metadata {
    type Error = MetadataInvalid;

    fn try_from(members: BTreeMap<String, MetadataValue>) -> Result<Self, MetadataInvalid> {
        let fits = |text: &str, most: usize| text.len() <= most && !text.contains(char::is_control);
        let good = members.len() <= MOST_MEMBERS
            && members.iter().all(|(key, value)| {
                let value_fits = match value {
                    MetadataValue::Text(text) => fits(text, TEXT_BYTES),
                    MetadataValue::Bool(_) | MetadataValue::Integer(_) | MetadataValue::Number(_) => true,
                };
                !key.is_empty() && fits(key, KEY_BYTES) && value_fits
            });
        if good { Ok(Self(members)) } else { Err(MetadataInvalid) }
    }
}

impl From<Metadata> for BTreeMap<String, MetadataValue> {
    fn from(metadata: Metadata) -> Self {
        metadata.0
    }
}
