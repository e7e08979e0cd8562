//! What a machine that waits is known by: kept as keyed digests only.
//!
//! The answer that carries a secret may be lost, and the machine asks again. It is given another one beside,
//! for the server does not know the first any more, and whoever asks is not known to be the one who got it.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use licentia_crypto::digests::bearer_secret;
use licentia_entity::activation_claim;
use secrecy::{ExposeSecret, SecretString};

use crate::context::{Context, Moment};
use crate::failure::Failure;

const PREFIX: &str = "lsc_";
/// Bytes of a digest.
const DIGEST: usize = 32;
/// Secrets of one claim.
const MOST: usize = 5;

/// A new secret, of 256 random bits, of which the claim keeps the digest; none when it has so many already.
pub(super) fn add(
    ctx: &Context,
    moment: &Moment<'_>,
    claim: &mut activation_claim::Model,
) -> Result<Option<String>, Failure> {
    if claim.secret_digests.len() >= MOST * DIGEST {
        return Ok(None);
    }
    let secret: SecretString = bearer_secret(PREFIX, moment.random()?);
    claim.secret_digests.extend(digest(ctx, secret.expose_secret()));
    Ok(Some(secret.expose_secret().to_owned()))
}

/// How many secrets it was given: as often somebody asked for it.
pub(super) fn count(claim: &activation_claim::Model) -> u32 {
    u32::try_from(claim.secret_digests.len() / DIGEST).unwrap_or(u32::MAX)
}

/// Whether the secret is one of the claim's. In constant time for each that it has.
pub(super) fn knows(ctx: &Context, claim: &activation_claim::Model, secret: &str) -> bool {
    let presented = digest(ctx, secret);
    let kept = claim.secret_digests.chunks_exact(DIGEST);
    kept.fold(false, |known, kept| known | verify_slices_are_equal(kept, &presented).is_ok())
}

fn digest(ctx: &Context, secret: &str) -> [u8; DIGEST] {
    ctx.secrets.digests.digest("activation_claim", secret.as_bytes())
}
