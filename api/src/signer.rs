//! What signs tokens: the lanes of a multi-buffer library where they can be had, else aws-lc, one after another.

use licentia_domain::context::{Context, MultiBuffer, MultiBufferError};
use licentia_domain::lanes::{self, Signer};

use crate::Ctx;
use crate::config::{MultiBufferChoice, SigningConfig};

const LANES: &str = "multi_buffer";
const ONE_BY_ONE: &str = "aws_lc";

/// The library, as it is configured; says in the log what will sign.
///
/// # Errors
/// When it is required and cannot be used.
pub(crate) fn load(config: &SigningConfig) -> Result<Option<MultiBuffer>, MultiBufferError> {
    if config.multi_buffer == MultiBufferChoice::Off {
        tracing::info!(signer = ONE_BY_ONE, "tokens are signed one by one");
        return Ok(None);
    }
    match MultiBuffer::load(config.multi_buffer_library.as_deref()) {
        Ok(library) => {
            tracing::info!(signer = LANES, version = library.version(), "tokens are signed in lanes");
            Ok(Some(library))
        }
        Err(error) if config.multi_buffer == MultiBufferChoice::Require => Err(error),
        Err(error) => {
            tracing::info!(signer = ONE_BY_ONE, reason = %error, "tokens are signed one by one");
            Ok(None)
        }
    }
}

/// What signs now, and whether that is as it was when the server started.
pub(crate) fn standing(ctx: &Ctx) -> (&'static str, bool) {
    match lanes::signer(ctx) {
        Signer::Lanes => (LANES, true),
        Signer::OneByOne => (ONE_BY_ONE, true),
        Signer::Resting => (ONE_BY_ONE, false),
    }
}

/// Tells that signatures did not stand their check.
pub(crate) fn tell_fault(ctx: &Context, faults: u64) {
    tracing::error!(faults, "signatures of the lanes were wrong, and were made again by aws-lc");
    if lanes::signer(ctx) == Signer::Resting {
        tracing::error!(signer = ONE_BY_ONE, "the lanes were wrong too often: tokens are signed one by one");
    }
}
