//! Assemblies: the parts of a program as they were built, told apart by their bytes, and which of them
//! are approved.

use serde::{Deserialize, Deserializer, Serialize};

use crate::ids::{AssemblyApprovalId, LicenseId};
use crate::objects::objects;
use crate::text::{AssemblyName, AssemblyVersion, Note};
use crate::time::Timestamp;

pub use digests::{PublicKeyToken, PublicKeyTokenInvalid, Sha256, Sha256Invalid};
pub use manifest::{Assembly, AssemblyManifest, ManifestInvalid, ProvenAssembly};

mod digests;
mod manifest;

/// Most builds that are approved at once.
pub const MOST_APPROVED_AT_ONCE: usize = 1_000;

/// Who says that a build is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(feature = "orm", sea_orm(rs_type = "String", db_type = "Text"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ApprovalSource {
    /// The pipeline that made it.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "ci"))]
    Ci,
    /// Somebody of the vendor.
    #[default]
    #[cfg_attr(feature = "orm", sea_orm(string_value = "admin"))]
    Admin,
}

/// Approve up to 1,000 builds: all of them, or none.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApproveAssembliesRequest {
    /// The builds.
    #[serde(deserialize_with = "some_assemblies")]
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 1_000))]
    pub assemblies: Vec<Assembly>,
    /// For this licence only; absent: for all.
    #[serde(default)]
    pub license_id: Option<LicenseId>,
    /// Who says that they are good; absent: `admin`.
    #[serde(default)]
    pub source: ApprovalSource,
    /// For the vendor's people.
    #[serde(default)]
    pub note: Option<Note>,
}

fn some_assemblies<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Assembly>, D::Error> {
    let assemblies = objects(deserializer)?;
    match assemblies.len() {
        1..=MOST_APPROVED_AT_ONCE => Ok(assemblies),
        _ => Err(serde::de::Error::custom(format!("must be 1 to {MOST_APPROVED_AT_ONCE} assemblies"))),
    }
}

/// The approvals of what was asked for, in its order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApproveAssembliesResponse {
    /// One for each entry; the same one where an entry stood there twice.
    pub items: Vec<AssemblyApprovalResponse>,
}

/// An approved build.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AssemblyApprovalResponse {
    /// `asm_…`
    pub id: AssemblyApprovalId,
    /// For this licence only; `null`: for all.
    pub license_id: Option<LicenseId>,
    /// What it is called.
    pub assembly_name: AssemblyName,
    /// Its version.
    pub version: AssemblyVersion,
    /// Digest of its bytes, in hexadecimal.
    pub sha256: Sha256,
    /// Which key gave it its strong name; `null`: whichever.
    pub public_key_token: Option<PublicKeyToken>,
    /// Who says that it is good.
    pub source: ApprovalSource,
    /// For the vendor's people.
    pub note: Option<Note>,
    /// Who approved it: kind and id.
    pub approved_by: String,
    /// When it was approved.
    pub created_at: Timestamp,
    /// When the approval was withdrawn; `null`: it stands.
    pub withdrawn_at: Option<Timestamp>,
}
