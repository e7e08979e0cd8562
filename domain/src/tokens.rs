//! Licence tokens: what they say, how long they live, and what is kept of them.

use licentia_crypto::digests::fingerprint_claim;
use licentia_crypto::nonces::Nonce;
use licentia_entity::activation;
use licentia_types::ids::ActivationId;
use licentia_types::tokens::{ClaimSet, LicenseClaims};

pub(crate) use claim_sets::{find_claim_set, keep_claim_set};
pub use entitlements::{Entitlements, LimitOverrides};
pub use minting::{Packed, Recipient, mint};
pub use size::{TokenTooLarge, check_size};
pub use window::{Window, license_end};

mod claim_sets;
mod entitlements;
mod minting;
mod size;
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
pub fn claims(set: ClaimSet, window: Window, bearer: Bearer<'_>) -> LicenseClaims {
    let Bearer { activation, nonce } = bearer;
    LicenseClaims {
        iat: window.issued.seconds(),
        nbf: window.issued.seconds(),
        exp: window.expires.seconds(),
        jti: token_id(activation.id, nonce),
        activation_id: activation.id,
        refresh_after: window.refresh_after.seconds(),
        stale_until: window.stale_until.seconds(),
        environment: activation.environment.clone(),
        product_version: activation.product_version.clone(),
        fingerprint: fingerprint_claim(&activation.license_id.to_string(), activation.fingerprint.as_str()),
        set,
    }
}

fn token_id(activation: ActivationId, nonce: Nonce) -> String {
    format!("{activation}.{}.{}", nonce.epoch, nonce.generation)
}
