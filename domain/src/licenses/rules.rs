//! What a licence is worth at an instant: pure functions.

use licentia_entity::license;
use licentia_types::licenses::LicenseStatus;
use licentia_types::time::Timestamp;

/// What a licence is worth at `now`. Deadlines are half-open: it is good while `now < expires_at`.
#[must_use]
pub fn status(license: &license::Model, now: Timestamp) -> LicenseStatus {
    match license.status {
        license::Status::Revoked => LicenseStatus::Revoked,
        license::Status::Suspended => LicenseStatus::Suspended,
        license::Status::Active if license.expires_at.is_some_and(|at| at <= now) => LicenseStatus::Expired,
        license::Status::Active => LicenseStatus::Active,
    }
}
