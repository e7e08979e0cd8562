//! A token over 6 KB breaks real verifiers and proxies: what would resolve to one is refused when
//! it is written, never when a machine calls.

use licentia_types::tokens::{ClaimSet, MOST_TOKEN_BYTES};

/// Bytes beside the claim set: the machine's own claims at their longest (ids 70, times 100,
/// environment 64 and version 64 with every byte escaped, fingerprint 60, names of the claims), and its
/// place in the status lists but for the issuer in it.
const OWN_CLAIM_BYTES: usize = 1_255;
/// The encoded header and the signature of a 4096-bit key with their dots.
const FRAME_BYTES: usize = 160 + 683 + 2;

/// What would be written leads to a token of more than 6 KB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a token of {bytes} bytes could result, at most {MOST_TOKEN_BYTES} are allowed: grant fewer features, or give them shorter keys and values"
)]
pub struct TokenTooLarge {
    bytes: usize,
}

/// Refuses a claim set whose largest token would be over 6 KB.
///
/// # Errors
/// When it would.
pub fn check_size(set: &ClaimSet) -> Result<(), TokenTooLarge> {
    let json = serde_json::to_vec(set).map_or(usize::MAX / 4, |json| json.len());
    let claims = json.saturating_add(set.iss.len()).saturating_add(OWN_CLAIM_BYTES);
    let bytes = FRAME_BYTES + claims.div_ceil(3).saturating_mul(4);
    if bytes > MOST_TOKEN_BYTES { Err(TokenTooLarge { bytes }) } else { Ok(()) }
}
