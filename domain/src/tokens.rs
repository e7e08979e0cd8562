//! Licence tokens: what they say, how long they live, and what is kept of them.

use std::sync::Arc;

use licentia_crypto::digests::fingerprint_claim;
use licentia_crypto::nonces::Nonce;
use licentia_entity::activation;
use licentia_types::tokens::{ClaimSet, LicenseClaims};

use crate::context::Context;
use crate::status_lists;
pub use claim_sets::seal_claim_set;
pub(crate) use claim_sets::{insert_claim_sets, keep_claim_set, keep_claim_sets, open_claim_sets};

pub use entitlements::{Entitlements, LimitOverrides};
pub use inspection::{InspectionError, inspect};
pub use minting::{Packed, Recipient, mint, pack};
pub use size::{TokenTooLarge, check_size};
pub(crate) use token_id::TokenId;
pub use verification::NotOurs;
pub(crate) use verification::{Parsed, TokenDigest, TokenFault, genuine, parse, verify};
pub use window::{Window, license_end};

mod claim_sets;
pub(crate) mod drift;
mod entitlements;
mod inspection;
mod minting;
mod size;
mod token_id;
pub(crate) mod verification;
mod window;

/// What a token says of its machine, beside what it says of the licence.
#[derive(Clone, Copy, Debug)]
pub struct Bearer<'a> {
    /// The machine, as it is stored after this contact.
    pub activation: &'a activation::Model,
    /// Epoch and generation of its nonce chain.
    pub nonce: Nonce,
}

/// All claims of a machine's token.
#[must_use]
pub fn claims(ctx: &Context, set: Arc<ClaimSet>, window: Window, bearer: Bearer<'_>) -> LicenseClaims {
    let Bearer { activation, nonce } = bearer;
    LicenseClaims {
        iat: window.issued.seconds(),
        nbf: window.issued.seconds(),
        exp: window.expires.seconds(),
        jti: TokenId { activation: activation.id, nonce, afresh: None }.to_string(),
        activation_id: activation.id,
        refresh_after: window.refresh_after.seconds(),
        stale_until: window.stale_until.seconds(),
        environment: activation.environment.clone(),
        free_environment: activation.free_environment.is_some(),
        product_version: activation.product_version.clone(),
        fingerprint: fingerprint(activation),
        status: Some(status_lists::status(ctx, activation.status_serial)),
        set,
    }
}

/// The same for a token that is signed afresh for somebody else to deliver: no contact, and no new
/// nonce, so that its place alone tells it from the former one.
pub(crate) fn claims_afresh(
    ctx: &Context,
    set: Arc<ClaimSet>,
    window: Window,
    bearer: Bearer<'_>,
) -> LicenseClaims {
    let claims = claims(ctx, set, window, bearer);
    let afresh = claims.status.as_ref().map(|status| &status.status_list);
    let jti = TokenId { activation: bearer.activation.id, nonce: bearer.nonce, afresh }.to_string();
    LicenseClaims { jti, ..claims }
}

/// Names the machine to whoever knows its fingerprint.
pub(crate) fn fingerprint(activation: &activation::Model) -> String {
    fingerprint_claim(&activation.license_id.to_string(), activation.fingerprint.as_str())
}
