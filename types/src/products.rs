//! Products: what is sold.

use serde::{Deserialize, Serialize};

use crate::change::{Change, given};
use crate::features::FeatureResponse;
use crate::ids::ProductId;
use crate::not_supported::{NotSupported, landed};
use crate::text::{Key, KeyPrefixText, Name, Note, Slug};
use crate::tiers::{ResolvedFeature, TierResponse};
use crate::time::Timestamp;
use crate::tokens::TokenTyp;

/// What to do when two machines share one activation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClonePolicy {
    /// Write it down, and refuse the copy's nonce.
    #[default]
    Record,
}

/// Whether the first machine of a licence waits for somebody's approval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(feature = "orm", sea_orm(rs_type = "String", db_type = "Text"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FirstActivation {
    /// It does not.
    #[default]
    #[cfg_attr(feature = "orm", sea_orm(string_value = "open"))]
    Open,
    /// It does: activating is answered with a claim, which somebody approves.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "owner_approval"))]
    OwnerApproval,
}

/// A new product.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateProductRequest {
    /// The audience of its tokens; unique, and never changed.
    pub slug: Slug,
    /// For people.
    pub name: Name,
    /// For people.
    #[serde(default)]
    pub description: Option<Note>,
    /// First part of its licence keys; made from the slug when absent.
    #[serde(default)]
    pub key_prefix: Option<KeyPrefixText>,
    /// `typ` of its licence tokens.
    #[serde(default)]
    pub token_typ: TokenTyp,
    /// Whether a customer's licence, when it is first activated, takes the place of those that the
    /// customer was issued before. Trials replace nothing.
    #[serde(default = "yes")]
    #[cfg_attr(feature = "openapi", schema(default = true))]
    pub one_active_key: bool,
    /// `record` is the only policy so far.
    #[serde(default, deserialize_with = "landed")]
    pub clone_policy: ClonePolicy,
    /// Whether the first machine of each licence waits for somebody's approval.
    #[serde(default)]
    pub first_activation: FirstActivation,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub unbound_files: NotSupported,
}

fn yes() -> bool {
    true
}

/// An edit: absent members stay as they are.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateProductRequest {
    /// For people.
    #[serde(default, deserialize_with = "given")]
    pub name: Option<Name>,
    /// For people; `null` removes it.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Note>))]
    pub description: Change<Note>,
    /// For licence keys made from now on.
    #[serde(default, deserialize_with = "given")]
    pub key_prefix: Option<KeyPrefixText>,
    /// For tokens minted from now on.
    #[serde(default, deserialize_with = "given")]
    pub token_typ: Option<TokenTyp>,
    /// For first activations from now on.
    #[serde(default, deserialize_with = "given")]
    pub one_active_key: Option<bool>,
    #[serde(default, deserialize_with = "landed")]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub clone_policy: ClonePolicy,
    /// For licences that never had a machine; what waits already goes on waiting.
    #[serde(default, deserialize_with = "given")]
    pub first_activation: Option<FirstActivation>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub unbound_files: NotSupported,
}

/// A product.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProductResponse {
    /// `prod_…`
    pub id: ProductId,
    /// The audience of its tokens.
    pub slug: Slug,
    /// For people.
    pub name: Name,
    /// For people.
    pub description: Option<Note>,
    /// First part of its licence keys.
    pub key_prefix: KeyPrefixText,
    /// `typ` of its licence tokens.
    pub token_typ: TokenTyp,
    /// Whether a customer's newer licence takes the place of older ones.
    pub one_active_key: bool,
    /// What happens on a suspected copy.
    pub clone_policy: ClonePolicy,
    /// Whether a first activation waits.
    pub first_activation: FirstActivation,
    /// Rises with every edit of its tiers and features.
    pub catalogue_revision: i64,
    /// Set when nothing new may be made of it.
    pub archived_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
    /// For `If-Match`.
    pub version: i64,
}

/// The public price list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CatalogResponse {
    /// Active products, by name.
    pub products: Vec<CatalogProduct>,
}

/// A product of the price list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CatalogProduct {
    /// `prod_…`
    pub id: ProductId,
    /// The audience of its tokens.
    pub slug: Slug,
    /// For people.
    pub name: Name,
    /// For people.
    pub description: Option<Note>,
    /// Its tiers, in their sort order.
    pub tiers: Vec<CatalogTier>,
    /// Its features, entitlement and display, in their sort order.
    pub features: Vec<FeatureResponse>,
}

/// A tier of the price list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CatalogTier {
    /// The tier as it is written down.
    #[serde(flatten)]
    pub tier: TierResponse,
    /// What it grants with all that it includes, display features too, in their sort order.
    pub resolved_features: Vec<ResolvedFeature>,
    /// The tier keys from this one to the last that it includes.
    pub path: Vec<Key>,
}
