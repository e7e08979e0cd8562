//! Licence files: longer-lived signed documents for machines that cannot call, and what such machines
//! send: requests, and receipts for a file that they gave back.

mod claims;
mod machines;
mod requests;
mod responses;

pub use claims::{Confirmation, LicenseFileClaims, Licensee};
pub use machines::{OfflineRequestClaims, ReceiptClaims};
pub use requests::{CheckoutRequest, MachineKeyText, ReceiptRequest};
pub use responses::{CheckoutResponse, LicenseFileResponse};

/// `typ` of a licence file (RFC 7515 §4.1.9).
pub const LICENSE_FILE_TYP: &str = "license-file+jwt";
/// `typ` of a machine's request for one.
pub const REQUEST_TYP: &str = "license-request+jwt";
/// `typ` of a machine's word that it gave its files up.
pub const RECEIPT_TYP: &str = "deactivation-receipt+jwt";
/// What stands in the first and last line of a licence file.
pub const FILE_LABEL: &str = "LICENSE FILE";
/// The same of a request.
pub const REQUEST_LABEL: &str = "LICENSE REQUEST";
/// The same of a receipt.
pub const RECEIPT_LABEL: &str = "DEACTIVATION RECEIPT";
/// Days of a file when nothing is said.
pub const DEFAULT_DAYS: u32 = 30;
/// Most days of a file.
pub const MOST_DAYS: u32 = 365;

/// The audience of a file that a machine may run on.
#[must_use]
pub fn file_audience(slug: &str) -> String {
    format!("urn:licentia:license-file:{slug}")
}

/// The audience of a file that tells what was issued to whom. No machine may run on it.
#[must_use]
pub fn record_audience(slug: &str) -> String {
    format!("urn:licentia:license-record:{slug}")
}

/// The audience of a request.
#[must_use]
pub fn request_audience(slug: &str) -> String {
    format!("urn:licentia:license-request:{slug}")
}

/// The audience of a receipt.
#[must_use]
pub fn receipt_audience(slug: &str) -> String {
    format!("urn:licentia:deactivation-receipt:{slug}")
}
