//! Why a heartbeat was refused.

use licentia_types::problems::ProblemCode;

use crate::failure::{Failure, failed_from};
use crate::refusal::Refusal;

/// Why a heartbeat was refused.
#[derive(Debug, thiserror::Error)]
pub enum HeartbeatError {
    /// The nonce is genuine, but the activation is gone (with a restored backup, perhaps).
    #[error("there is no such activation; activate again")]
    NotFound,
    /// Another machine.
    #[error("the activation belongs to another fingerprint")]
    FingerprintMismatch,
    /// Not made by this server for this activation.
    #[error("the nonce is not one of this activation")]
    NonceInvalid,
    /// Used before.
    #[error("the nonce was used before; activate again")]
    NonceReused,
    /// The machine gave its seat back.
    #[error("the activation was deactivated; activate again")]
    Deactivated,
    /// Too many calls for one machine at the same instant.
    #[error("too many heartbeats of this machine at once; try again")]
    Contended,
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(HeartbeatError);

impl Refusal for HeartbeatError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound => ProblemCode::NotFound,
            Self::FingerprintMismatch => ProblemCode::FingerprintMismatch,
            Self::NonceInvalid => ProblemCode::NonceInvalid,
            Self::NonceReused => ProblemCode::NonceReused,
            Self::Deactivated => ProblemCode::ActivationDeactivated,
            Self::Contended => ProblemCode::Unavailable,
            Self::Failed(failure) => failure.code(),
        }
    }
}
