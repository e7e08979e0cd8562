//! Why an operation on a signing key was refused.

use licentia_crypto::rsa_keys::PrivatePemError;
use licentia_types::problems::ProblemCode;
use licentia_types::time::Timestamp;

use crate::failure::{Failure, failed_from};
use crate::refusal::Refusal;

/// Why an operation on a signing key was refused.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// No such key.
    #[error("there is no such signing key")]
    NotFound,
    /// The rotation before has not taken effect.
    #[error("another key takes over at {0} already: wait until it does")]
    Underway(Timestamp),
    /// No key waits.
    #[error("no key waits to take over; one is made within a minute")]
    NothingWaits,
    /// A pending key cannot retire.
    #[error("the key has not signed yet: it waits to take over")]
    Waits,
    /// What it signed is still good.
    #[error("what the key signed is good until {signs_until}; it can retire at {retirable_from}")]
    StillNeeded {
        /// End of the last token.
        signs_until: Timestamp,
        /// A little later, for clocks that disagree.
        retirable_from: Timestamp,
    },
    /// A revoked key cannot retire.
    #[error("the key was revoked")]
    Revoked,
    /// The key is here already.
    #[error("the key {0} is here already")]
    Known(String),
    /// What was brought is no key to sign with.
    #[error(transparent)]
    Unusable(#[from] PrivatePemError),
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(SigningKeyError);

impl Refusal for SigningKeyError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound => ProblemCode::NotFound,
            Self::Underway(_)
            | Self::NothingWaits
            | Self::Waits
            | Self::StillNeeded { .. }
            | Self::Revoked => ProblemCode::StateConflict,
            Self::Known(_) => ProblemCode::AlreadyExists,
            Self::Unusable(_) => ProblemCode::ValidationFailed,
            Self::Failed(failure) => failure.code(),
        }
    }
}
