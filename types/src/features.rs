//! Features: named capabilities of a product.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::change::{Change, given};
use crate::ids::{FeatureId, ProductId};
use crate::text::{Key, Name, Note};
use crate::time::Timestamp;

/// What a feature is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(feature = "orm", sea_orm(rs_type = "String", db_type = "Text"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FeatureKind {
    /// Becomes a claim of the token.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "entitlement"))]
    Entitlement,
    /// Shown on price lists, never in a token.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "display"))]
    Display,
}

/// What a feature holds where it is granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(feature = "orm", sea_orm(rs_type = "String", db_type = "Text"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FeatureValueType {
    /// Nothing: it is there or it is not.
    #[default]
    #[cfg_attr(feature = "orm", sea_orm(string_value = "switch"))]
    Switch,
    /// A whole number, such as a limit.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "integer"))]
    Integer,
    /// A text.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "text"))]
    Text,
}

/// Longest text value, in bytes.
const TEXT_BYTES: usize = 200;

/// The value of a typed feature: a whole number, or a text of up to 200 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum FeatureValue {
    /// For `integer` features.
    Integer(i64),
    /// For `text` features.
    Text(FeatureText),
}

impl FeatureValue {
    /// Which features may hold it.
    #[must_use]
    pub const fn value_type(&self) -> FeatureValueType {
        match self {
            Self::Integer(_) => FeatureValueType::Integer,
            Self::Text(_) => FeatureValueType::Text,
        }
    }
}

/// A checked text value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct FeatureText(String);

/// The text is too long, or has control characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be at most {TEXT_BYTES} bytes without control characters")]
pub struct FeatureTextInvalid;

impl TryFrom<String> for FeatureText {
    type Error = FeatureTextInvalid;

    fn try_from(text: String) -> Result<Self, FeatureTextInvalid> {
        if text.len() <= TEXT_BYTES && !text.contains(char::is_control) {
            Ok(Self(text))
        } else {
            Err(FeatureTextInvalid)
        }
    }
}

impl From<FeatureText> for String {
    fn from(text: FeatureText) -> Self {
        text.0
    }
}

/// A feature named in a tier: its key, or `*` for every entitlement of the product.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FeatureSelector {
    /// `*`
    Every,
    /// One feature.
    One(Key),
}

impl TryFrom<String> for FeatureSelector {
    type Error = crate::text::TextInvalid;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "*" { Ok(Self::Every) } else { Key::try_from(text).map(Self::One) }
    }
}

impl fmt::Display for FeatureSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every => f.write_str("*"),
            Self::One(key) => key.fmt(f),
        }
    }
}

impl From<FeatureSelector> for String {
    fn from(selector: FeatureSelector) -> Self {
        selector.to_string()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for FeatureSelector {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        Key::schema()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for FeatureSelector {}

/// A new feature.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateFeatureRequest {
    /// Its product.
    pub product_id: ProductId,
    /// Unique in the product, and never changed: programs ask for it.
    pub key: Key,
    /// For people.
    pub name: Name,
    /// For people.
    #[serde(default)]
    pub description: Option<Note>,
    /// What it is for.
    pub kind: FeatureKind,
    /// What it holds; display features are switches.
    #[serde(default)]
    pub value_type: FeatureValueType,
    /// Its place in lists; last when absent.
    #[serde(default)]
    pub sort_order: Option<i32>,
}

/// An edit: absent members stay as they are. Key, kind and value type never change.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateFeatureRequest {
    /// For people.
    #[serde(default, deserialize_with = "given")]
    pub name: Option<Name>,
    /// For people; `null` removes it.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Note>))]
    pub description: Change<Note>,
    /// Its place in lists.
    #[serde(default, deserialize_with = "given")]
    pub sort_order: Option<i32>,
}

/// A feature.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FeatureResponse {
    /// `feat_…`
    pub id: FeatureId,
    /// Its product.
    pub product_id: ProductId,
    /// Unique in the product.
    pub key: Key,
    /// For people.
    pub name: Name,
    /// For people.
    pub description: Option<Note>,
    /// What it is for.
    pub kind: FeatureKind,
    /// What it holds.
    pub value_type: FeatureValueType,
    /// Its place in lists.
    pub sort_order: i32,
    /// Set when no tier may name it any more.
    pub archived_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
    /// For `If-Match`.
    pub version: i64,
}

/// The whole order of a product's features.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrderFeaturesRequest {
    /// The product.
    pub product_id: ProductId,
    /// Every one of its features that is not archived, once, first to last.
    pub ids: Vec<FeatureId>,
}
