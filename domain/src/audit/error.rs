//! What is refused of the audit log.

use licentia_types::problems::ProblemCode;

use crate::failure::{Failure, failed_from};
use crate::refusal::Refusal;

/// Why the audit log was not checked.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The log is for operators.
    #[error("the audit log is for operators")]
    NotForThem,
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(AuditError);

impl Refusal for AuditError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotForThem => ProblemCode::PermissionDenied,
            Self::Failed(failure) => failure.code(),
        }
    }
}
