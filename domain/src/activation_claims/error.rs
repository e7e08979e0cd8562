//! Why an operation on an activation claim was refused.

use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::seats::SeatsTaken;

use super::rules::Undecidable;
use crate::activations::ActivationError;
use crate::failure::{Failure, failed_from};
use crate::refusal::Refusal;

/// Why an operation on an activation claim was refused.
#[derive(Debug, thiserror::Error)]
pub enum ActivationClaimError {
    /// No such claim, or none that the caller may know of.
    #[error("there is no such claim, or this is not its secret")]
    NotFound,
    /// The machine is not let in.
    #[error("somebody decided that this machine is not let in, or picked another one")]
    Rejected,
    /// Fifteen minutes are over.
    #[error("the claim has expired; activate again by licence key")]
    Expired,
    /// Decisions stand.
    #[error("the claim was rejected, or its machine is in already")]
    Decided,
    /// What every activation may be refused for.
    #[error(transparent)]
    Activation(#[from] ActivationError),
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(ActivationClaimError);

impl From<Undecidable> for ActivationClaimError {
    fn from(reason: Undecidable) -> Self {
        match reason {
            Undecidable::Decided => Self::Decided,
            Undecidable::Expired => Self::Expired,
        }
    }
}

impl Refusal for ActivationClaimError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound => ProblemCode::NotFound,
            Self::Rejected => ProblemCode::ClaimRejected,
            Self::Expired => ProblemCode::ClaimExpired,
            Self::Decided => ProblemCode::StateConflict,
            Self::Activation(error) => error.code(),
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::Activation(error) => error.fields(),
            _ => Vec::new(),
        }
    }

    fn seats(&self) -> Option<SeatsTaken> {
        match self {
            Self::Activation(error) => error.seats(),
            _ => None,
        }
    }
}
