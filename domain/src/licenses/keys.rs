//! Licence keys at rest: found by a keyed digest, stored sealed.

use aws_lc_rs::digest::{SHA256, digest as sha256};
use licentia_crypto::license_keys::{KeyPrefix, LicenseKey, NativeKey};
use licentia_crypto::sealing::Place;
use licentia_entity::{license, product};
use licentia_types::ids::LicenseId;

use crate::context::{Context, Moment};
use crate::failure::Failure;

/// For people, of a key that is not kept.
const UNKNOWN: &str = "…";

/// A new key of ours.
pub(crate) fn make(product: &product::Model, moment: &Moment<'_>) -> Result<LicenseKey, Failure> {
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

/// What a key is found by.
#[derive(Clone)]
pub(crate) struct KeyDigests {
    /// Of the key; the same for every spelling of a native one.
    pub(crate) own: Vec<u8>,
    /// Of its SHA-256, by which a foreign key is found that was imported so.
    pub(crate) of_sha256: Option<Vec<u8>>,
}

impl KeyDigests {
    /// Those that the key may be found by.
    pub(crate) fn all(&self) -> impl Iterator<Item = Vec<u8>> {
        std::iter::once(self.own.clone()).chain(self.of_sha256.clone())
    }
}

/// What a key is found by.
pub(crate) fn digest(ctx: &Context, key: &LicenseKey) -> KeyDigests {
    let canonical = key.canonical().as_bytes();
    let own = ctx.secrets.digests.digest("license_key", canonical).to_vec();
    // Nobody else issued keys of ours.
    let foreign = (!key.is_native()).then(|| digest_sha256(ctx, sha256(&SHA256, canonical).as_ref()));
    KeyDigests { own, of_sha256: foreign }
}

/// What a foreign key is found by of which only the SHA-256 is known. It has a purpose of its own: it
/// never equals the digest of a key.
pub(crate) fn digest_sha256(ctx: &Context, sha256: &[u8]) -> Vec<u8> {
    ctx.secrets.digests.digest("license_key_sha256", sha256).to_vec()
}

/// Digests, seals and masks the key of this licence.
///
/// # Errors
/// When it cannot be sealed.
pub fn store(ctx: &Context, id: LicenseId, key: &LicenseKey) -> Result<Stored, Failure> {
    let row = id.to_string();
    Ok(Stored {
        digest: digest(ctx, key).own,
        sealed: ctx.kek.seal(place(&row), key.canonical().as_bytes())?.into_bytes(),
        masked: key.masked(),
    })
}

/// What is stored of a foreign key of which only the SHA-256 is known: nothing that could be shown.
pub(crate) fn store_sha256(ctx: &Context, sha256: &[u8]) -> Stored {
    Stored { digest: digest_sha256(ctx, sha256), sealed: Vec::new(), masked: UNKNOWN.to_owned() }
}

/// Whether the key itself is kept.
pub(crate) fn is_kept(license: &license::Model) -> bool {
    !license.key_sealed.is_empty()
}

pub(crate) fn open(ctx: &Context, license: &license::Model) -> Result<String, Failure> {
    let row = license.id.to_string();
    let opened = ctx.kek.open(place(&row), &license.key_sealed)?;
    String::from_utf8(opened.to_vec()).map_err(|_| Failure::Corrupt("licence key"))
}

fn place(row: &str) -> Place<'_> {
    Place { table: "license", column: "key_sealed", row }
}
