//! Licence files as they are shown.

use serde::{Deserialize, Serialize};

use crate::activations::ActivationResponse;
use crate::ids::{ActivationId, LicenseFileId, LicenseId};
use crate::seats::Seats;
use crate::time::Timestamp;

/// A licence file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LicenseFileResponse {
    /// `file_…`
    pub id: LicenseFileId,
    /// The licence.
    pub license_id: LicenseId,
    /// The machine that may run on it; `null`: it is a record of what was issued, and none may.
    pub activation_id: Option<ActivationId>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Whether it is encrypted to the machine.
    pub encrypted: bool,
    /// When the machine gave it back.
    pub returned_at: Option<Timestamp>,
    /// The key that signed it (`kid`); absent in lists before it was ever delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_key_id: Option<String>,
    /// The text of the `.lic` file, the same each time; absent in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// A licence that was checked out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CheckoutResponse {
    /// The file.
    #[serde(flatten)]
    pub file: LicenseFileResponse,
    /// The machine's activation.
    pub activation: ActivationResponse,
    /// Seats of the licence.
    pub seats: Seats,
}
