//! Licences: a customer's right to a product at a tier.

mod edit;
mod features;
mod issue;
mod lifecycle;
mod response;

pub use edit::UpdateLicenseRequest;
pub use features::{ChangeFeaturesRequest, FeatureOverrides};
pub use issue::{
    BulkIssueRequest, BulkIssuedResponse, IssueLicenseRequest, IssuedLicenseResponse, MOST_ISSUED_AT_ONCE,
    StartsAt,
};
pub use lifecycle::{
    RenewLicenseRequest, RevokeLicenseRequest, RotateKeyRequest, SuspendLicenseRequest,
    TransferLicenseRequest,
};
pub use response::{LicenseResponse, LicenseStatus, RevealedKeyResponse, Term};
