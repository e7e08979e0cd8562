//! A public key that tells what was signed under its name from forgeries.

use std::sync::Arc;

use jsonwebtoken::DecodingKey;
use licentia_crypto::rsa_keys::RsaPublicKey;
use licentia_entity::signing_key::{Model, Purpose};

use crate::failure::Failure;

/// A key that is believed: published, or retired.
#[derive(Clone)]
pub struct VerifyingKey {
    purpose: Purpose,
    key: Arc<DecodingKey>,
    is_retired: bool,
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("purpose", &self.purpose)
            .field("is_retired", &self.is_retired)
            .finish_non_exhaustive()
    }
}

impl VerifyingKey {
    /// The key of this row, its public part taken from `former`, if that is the same key as it was.
    pub(super) fn of(row: &Model, former: Option<&Self>) -> Result<Self, Failure> {
        let key = if let Some(former) = former {
            Arc::clone(&former.key)
        } else {
            let public = RsaPublicKey::from_spki_der(&row.public_spki)?;
            Arc::new(DecodingKey::from_rsa_raw_components(public.n(), public.e()))
        };
        Ok(Self { purpose: row.purpose, key, is_retired: row.retired_at.is_some() })
    }

    /// What it signs, or signed.
    pub(super) const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// For the signature alone.
    pub(crate) fn decoding(&self) -> &DecodingKey {
        &self.key
    }

    /// Whether it left the key set, for nothing that it signed was good any more: whatever claims to
    /// be good all the same was made with a key that got lost.
    pub(crate) const fn is_retired(&self) -> bool {
        self.is_retired
    }
}
