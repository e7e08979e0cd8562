//! Why what somebody asks for once is not begun.

use licentia_types::problems::ProblemCode;

use crate::failure::{Failure, failed_from};
use crate::refusal::Refusal;

/// Why what somebody asks for once is not begun.
#[derive(Debug, thiserror::Error)]
pub enum OnceError {
    /// The text is no key.
    #[error("Idempotency-Key must be 1 to 255 visible ASCII characters")]
    NoKey,
    /// The key stands for something else.
    #[error(
        "this Idempotency-Key was sent with another request in the last 24 hours: make a new one for a new request"
    )]
    OtherRequest,
    /// It is being done right now.
    #[error("{}", IN_FLIGHT)]
    InFlight,
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(OnceError);

/// What whoever comes too early is told.
pub(crate) const IN_FLIGHT: &str = "the same request is being served: send it again to get its answer";

impl Refusal for OnceError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NoKey => ProblemCode::ParameterInvalid,
            Self::OtherRequest => ProblemCode::IdempotencyKeyReused,
            Self::InFlight => ProblemCode::RequestInFlight,
            Self::Failed(failure) => failure.code(),
        }
    }
}
