//! One row of an import.

use serde::Deserialize;

use crate::customers::CreateCustomerRequest;
use crate::licenses::{FeatureOverrides, StartsAt};
use crate::limits::Limit;
use crate::metadata::Metadata;
use crate::objects::{object, objects, optional_object};
use crate::secret::SecretText;
use crate::text::{Environment, Fingerprint, Hostname, Instance, Key, Note, ProductVersion, Reference, Slug};
use crate::time::Timestamp;

/// Most machines of one row.
pub const MOST_MACHINES_OF_A_ROW: usize = 100;

/// A customer, a licence, and the machines that use it; the licence, or else the customer, must be there.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportedRow {
    /// Found by `externalId`, or made.
    #[serde(default, deserialize_with = "optional_object")]
    pub customer: Option<CreateCustomerRequest>,
    /// Of this customer; without one it is unclaimed.
    #[serde(default, deserialize_with = "optional_object")]
    pub license: Option<ImportedLicense>,
    /// Up to 100; each takes a seat, which is its own when it comes.
    #[serde(default, deserialize_with = "objects")]
    pub machines: Vec<ImportedMachine>,
}

/// A licence as another system issued it.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportedLicense {
    /// Slug of the product; absent: the one that the import names.
    #[serde(default)]
    pub product: Option<Slug>,
    /// Key of a tier; absent: the one that the import names.
    #[serde(default)]
    pub tier: Option<Key>,
    /// Its key; with neither this nor `keySha256` the server makes one.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub key: Option<SecretText>,
    /// SHA-256 of a foreign key, 64 hexadecimal digits: the key itself stays unknown.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub key_sha256: Option<SecretText>,
    /// When it was issued; absent: now. Its time counts from there.
    #[serde(default)]
    pub issued_at: Option<Timestamp>,
    /// When its time begins.
    #[serde(default)]
    pub starts_at: StartsAt,
    /// After it was issued; may have passed.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// 1 to 36,500 days from the start.
    #[serde(default)]
    pub valid_days: Option<u32>,
    /// Versions released before this instant are covered; absent: all.
    #[serde(default)]
    pub updates_until: Option<Timestamp>,
    /// To try the product with.
    #[serde(default)]
    pub trial: bool,
    /// What it is worth, apart from its expiry.
    #[serde(default)]
    pub status: ImportedStatus,
    /// Why it is suspended or revoked.
    #[serde(default)]
    pub reason: Option<Note>,
    /// How its features differ from the tier's.
    #[serde(default, deserialize_with = "object")]
    pub features: FeatureOverrides,
    /// Machines; `null` for no limit; absent: as the tier.
    #[serde(default)]
    pub max_activations: Limit,
    /// Distinct user references; `null` for no limit; absent: as the tier.
    #[serde(default)]
    pub max_users: Limit,
    /// Distinct tenant references; `null` for no limit; absent: as the tier.
    #[serde(default)]
    pub max_tenants: Limit,
    /// Where it comes from; absent: the name of the preset, if there is one.
    #[serde(default)]
    pub source: Option<Reference>,
    /// Its id or its order there; unique with `source`.
    #[serde(default)]
    pub source_order_id: Option<Reference>,
    /// For the vendor's people.
    #[serde(default)]
    pub notes: Option<Note>,
    /// The vendor's own data.
    #[serde(default)]
    pub metadata: Metadata,
}

/// What a licence is worth, apart from its expiry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ImportedStatus {
    /// It is good.
    #[default]
    Active,
    /// It lies on hold.
    Suspended,
    /// It was taken back.
    Revoked,
}

/// A machine that uses a licence.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportedMachine {
    /// As it will say when it comes.
    pub fingerprint: Fingerprint,
    /// Which of the replicas that share it; floating licences only.
    #[serde(default)]
    pub instance: Option<Instance>,
    /// For people.
    #[serde(default)]
    pub hostname: Option<Hostname>,
    /// Where it runs.
    #[serde(default)]
    pub environment: Option<Environment>,
    /// As last told.
    #[serde(default)]
    pub product_version: Option<ProductVersion>,
    /// The user who sits there.
    #[serde(default)]
    pub user_ref: Option<Reference>,
    /// The tenant it serves.
    #[serde(default)]
    pub tenant_ref: Option<Reference>,
}
