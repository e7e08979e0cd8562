//! The name of one token (`jti`, RFC 7519 §4.1.7).

use std::fmt;

use licentia_crypto::nonces::Nonce;
use licentia_types::ids::ActivationId;
use licentia_types::status_lists::StatusReference;

/// Activation, epoch and generation; a token that is signed afresh rotates no nonce, and has its new
/// place in the status lists for a difference.
pub(crate) struct TokenId<'a> {
    pub(crate) activation: ActivationId,
    pub(crate) nonce: Nonce,
    pub(crate) afresh: Option<&'a StatusReference>,
}

impl fmt::Display for TokenId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.activation, self.nonce.epoch, self.nonce.generation)?;
        let Some(StatusReference { idx, uri }) = self.afresh else {
            return Ok(());
        };
        let list = uri.rsplit('/').next().unwrap_or_default();
        write!(f, ".{list}-{idx}")
    }
}
