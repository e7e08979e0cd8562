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
    /// It would be for everybody's machines.
    #[error(
        "builds are approved for all licences by principals without groups only: name a licence of yours"
    )]
    ForAll,
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
            Self::ForAll => ProblemCode::PermissionDenied,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::LicenseUnknown => vec![FieldProblem::new("/licenseId", "UNKNOWN", self.to_string())],
            Self::NotFound | Self::ForAll | Self::Failed(_) => Vec::new(),
        }
    }
}
