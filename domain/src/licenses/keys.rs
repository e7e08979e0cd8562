//! Licence keys at rest: found by a keyed digest, stored sealed.

use licentia_crypto::license_keys::{KeyPrefix, LicenseKey, NativeKey};
use licentia_crypto::sealing::Place;
use licentia_entity::{license, product};
use licentia_types::ids::LicenseId;

use crate::context::{Context, Moment};
use crate::failure::Failure;

/// A new key of ours.
pub(super) fn make(product: &product::Model, moment: &Moment<'_>) -> Result<LicenseKey, Failure> {
    let prefix = KeyPrefix::parse(product.key_prefix.as_str()).map_err(|_| Failure::Corrupt("key prefix"))?;
    Ok(NativeKey::from_random(&prefix, moment.random()?).into())
}

/// What is stored of a key.
pub struct Stored {
    /// By which it is found.
    pub digest: Vec<u8>,
    /// The key, under the key-encryption key.
    pub sealed: Vec<u8>,
    /// For people.
    pub masked: String,
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stored").field("masked", &self.masked).finish_non_exhaustive()
    }
}

/// The digest by which a key is found; the same for every spelling of a native key.
pub(crate) fn digest(ctx: &Context, key: &LicenseKey) -> Vec<u8> {
    ctx.secrets.digests.digest("license_key", key.canonical().as_bytes()).to_vec()
}

/// Digests, seals and masks the key of this licence.
///
/// # Errors
/// When it cannot be sealed.
pub fn store(ctx: &Context, id: LicenseId, key: &LicenseKey) -> Result<Stored, Failure> {
    let row = id.to_string();
    Ok(Stored {
        digest: digest(ctx, key),
        sealed: ctx.kek.seal(place(&row), key.canonical().as_bytes())?.into_bytes(),
        masked: key.masked(),
    })
}

pub(crate) fn open(ctx: &Context, license: &license::Model) -> Result<String, Failure> {
    let row = license.id.to_string();
    let opened = ctx.kek.open(place(&row), &license.key_sealed)?;
    String::from_utf8(opened.to_vec()).map_err(|_| Failure::Corrupt("licence key"))
}

fn place(row: &str) -> Place<'_> {
    Place { table: "license", column: "key_sealed", row }
}
