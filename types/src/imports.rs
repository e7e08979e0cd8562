//! Imports: customers, licences and machines that come from another system.

use serde::{Deserialize, Serialize};

use crate::ids::{CustomerId, GroupId, ImportId, LicenseId};
use crate::problems::{FieldProblem, ProblemCode};
use crate::time::Timestamp;

pub use row::{ImportedLicense, ImportedMachine, ImportedRow, ImportedStatus, MOST_MACHINES_OF_A_ROW};

mod row;

/// Whose rows these are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ImportPreset {
    /// Ours: `customer`, `license`, `machines`.
    #[default]
    Native,
    /// Licences as Keygen's API lists them, one a line, with their machines beside them.
    Keygen,
    /// Licence keys as Lemon Squeezy's API lists them, one a line, or CSV with the same names.
    #[serde(rename = "lemonsqueezy")]
    LemonSqueezy,
    /// Gumroad's CSV of sales.
    Gumroad,
    /// A log of what was issued: `license_key`, `name`, `email`, `tier`, `issued_at`, `expires_at`, `blob`.
    IssuanceLog,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(feature = "orm", sea_orm(rs_type = "String", db_type = "Text"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ImportStatus {
    /// Its rows are still coming.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "receiving"))]
    Receiving,
    /// Its rows are worked off, or will be.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "running"))]
    Running,
    /// Each row has its result.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "done"))]
    Done,
    /// Its rows never came to an end, or could not be worked off. Rows that have a result keep it.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "failed"))]
    Failed,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(feature = "orm", sea_orm(rs_type = "String", db_type = "Text"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ImportOutcome {
    /// It was taken in.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "created"))]
    Created,
    /// It would have been, had this not been a dry run.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "accepted"))]
    Accepted,
    /// It is no licence: a total, a renewal of a sale that is there, a sale without a key.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "skipped"))]
    Skipped,
    /// It was not taken in; `errors` says why.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "refused"))]
    Refused,
}

/// An import, and how far it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImportResponse {
    /// The import.
    pub id: ImportId,
    /// How far it is.
    pub status: ImportStatus,
    /// Whose rows these are.
    pub preset: ImportPreset,
    /// Nothing is written but the results.
    pub dry_run: bool,
    /// The group into which customers and licences are put.
    pub group_id: Option<GroupId>,
    /// Rows that came.
    pub rows: u64,
    /// Rows that have a result.
    pub rows_done: u64,
    /// Of these: taken in, or accepted by a dry run.
    pub rows_created: u64,
    /// Of these: refused.
    pub rows_refused: u64,
    /// When it began.
    pub created_at: Timestamp,
    /// When its last row had a result.
    pub finished_at: Option<Timestamp>,
}

/// What became of one row.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImportRowResponse {
    /// Its place among the rows, from 1; blank lines and the head of a CSV are no rows.
    pub row: u64,
    /// What became of it.
    pub outcome: ImportOutcome,
    /// The licence that was made.
    pub license_id: Option<LicenseId>,
    /// The customer that was made or found.
    pub customer_id: Option<CustomerId>,
    /// Why it was refused.
    pub code: Option<ProblemCode>,
    /// The same for people.
    pub detail: Option<String>,
    /// What is wrong with which member of the row, as it is after its preset.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
}
