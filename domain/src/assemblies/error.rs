//! Why an operation on the allow-list was refused.

use licentia_types::problems::{FieldProblem, ProblemCode};

use crate::failure::{Failure, failed_from};
use crate::refusal::Refusal;

/// Why an operation on the allow-list was refused.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// No such approval, or none that the caller may know of.
    #[error("there is no such approval")]
    NotFound,
    /// No such licence, or none that the caller may know of.
    #[error("there is no such licence")]
    LicenseUnknown,
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(AssemblyError);

impl Refusal for AssemblyError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound => ProblemCode::NotFound,
            Self::LicenseUnknown => ProblemCode::ValidationFailed,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::LicenseUnknown => vec![FieldProblem::new("/licenseId", "UNKNOWN", self.to_string())],
            Self::NotFound | Self::Failed(_) => Vec::new(),
        }
    }
}
