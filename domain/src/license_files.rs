//! Licence files: what a machine runs on that cannot call.
//!
//! A file takes a seat like every machine, and cannot be taken back before it ends: so its seat is
//! nobody else's until then, unless the machine itself signs that it runs on the file no more. What was
//! delivered once is delivered again byte for byte.

use licentia_entity::license_file;
use licentia_types::ids::{LicenseFileId, LicenseId};
use licentia_types::license_files::LicenseFileResponse;
use licentia_types::pages::PageResponse;

use crate::context::Context;
use crate::failure::Failure;
use crate::licenses;
use crate::pages::PageQuery;
use crate::scope::Scope;

pub use checkout::{CheckedOut, checkout, checkout_own};
pub(crate) use claims::licensee_of;
pub use error::LicenseFileError;
pub use receipts::take_receipt;
pub(crate) use records::{Recorded, file as file_records, sign as sign_records};

mod checkout;
mod claims;
mod delivery;
mod error;
mod machine;
mod receipts;
mod records;
mod request;
mod store;

/// A page of a licence's files, without their text.
///
/// # Errors
/// When there is no such licence in `scope`, or a parameter is wrong.
pub async fn list(
    ctx: &Context,
    scope: Scope,
    license: LicenseId,
    query: &PageQuery,
) -> Result<PageResponse<LicenseFileResponse>, LicenseFileError> {
    licenses::store::find(&ctx.db, scope.clone(), license).await?.ok_or(LicenseFileError::NotFound)?;
    Ok(store::list(&ctx.db, scope, license, query).await?.map(|file| render(file, None)))
}

/// One file, with its text: the same each time.
///
/// # Errors
/// When there is no such licence in `scope`, or it has no such file.
pub async fn get(
    ctx: &Context,
    scope: Scope,
    license: LicenseId,
    id: LicenseFileId,
) -> Result<LicenseFileResponse, LicenseFileError> {
    licenses::store::find(&ctx.db, scope.clone(), license).await?.ok_or(LicenseFileError::NotFound)?;
    let file = store::find(&ctx.db, scope, license, id).await?.ok_or(LicenseFileError::NotFound)?;
    Ok(delivery::deliver(ctx, file).await?)
}

/// Files that are known to be there.
pub(crate) async fn find_all(
    ctx: &Context,
    ids: &[LicenseFileId],
) -> Result<Vec<license_file::Model>, Failure> {
    Ok(store::find_all(&ctx.db, ids).await?)
}

/// A file as the API shows it.
fn render(file: license_file::Model, text: Option<String>) -> LicenseFileResponse {
    LicenseFileResponse {
        id: file.id,
        license_id: file.license_id,
        activation_id: file.activation_id,
        issued_at: file.issued_at,
        expires_at: file.expires_at,
        encrypted: file.consumer_key.is_some(),
        returned_at: file.returned_at,
        signing_key_id: file.kid,
        file: text,
    }
}

/// Days that were asked for, as the database has them.
fn days(days: u32) -> Result<i32, Failure> {
    i32::try_from(days).map_err(|_| Failure::Corrupt("days of a licence file"))
}
