//! Why an operation on an API key was refused.

use licentia_types::api_keys::{LONGEST_OVERLAP, MOST_RANGES};
use licentia_types::permissions::{Permission, names};
use licentia_types::problems::{FieldProblem, ProblemCode};

use crate::failure::{Failure, failed_from};
use crate::groups::BoundsError;
use crate::refusal::Refusal;

/// Why an operation on an API key was refused.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyError {
    /// Unknown, expired or revoked, or used from elsewhere.
    #[error("the API key is not valid")]
    Unauthenticated,
    /// No such key.
    #[error("there is no such API key")]
    NotFound,
    /// The caller would give, or change, what he does not have.
    #[error("nobody gives or changes what he lacks; you lack {}", names(.0))]
    Lacking(Vec<Permission>),
    /// Both or none of two members.
    #[error("name either permissions, at least one, or a role")]
    NothingAllowed,
    /// It would be worth nothing from the start.
    #[error("must lie in the future")]
    ExpiryPast,
    /// Not within these groups.
    #[error(transparent)]
    Bounds(#[from] BoundsError),
    /// No such role.
    #[error("there is no such role")]
    RoleUnknown,
    /// More ranges than anybody could oversee.
    #[error("must have at most {MOST_RANGES} entries")]
    TooManyRanges,
    /// Two secrets for too long.
    #[error("must be at most {LONGEST_OVERLAP}")]
    OverlapTooLong,
    /// It stands in the file that the configuration names.
    #[error("the key is that of admin.api_key_file: change the file, and send SIGHUP")]
    Declared,
    /// It was ended.
    #[error("the API key was revoked; make another one")]
    Revoked,
    /// Somebody else edited it.
    #[error("the API key was changed in the meantime; its version is {current}")]
    Stale {
        /// The present version.
        current: i64,
    },
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(ApiKeyError);

impl Refusal for ApiKeyError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::Unauthenticated => ProblemCode::Unauthenticated,
            Self::NotFound => ProblemCode::NotFound,
            Self::Lacking(_) => ProblemCode::PermissionDenied,
            Self::Bounds(bounds) => bounds.code(),
            Self::NothingAllowed
            | Self::RoleUnknown
            | Self::ExpiryPast
            | Self::TooManyRanges
            | Self::OverlapTooLong => ProblemCode::ValidationFailed,
            Self::Declared | Self::Revoked => ProblemCode::StateConflict,
            Self::Stale { .. } => ProblemCode::VersionStale,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        let invalid = |pointer| vec![FieldProblem::new(pointer, "INVALID", self.to_string())];
        match self {
            Self::NothingAllowed => invalid("/permissions"),
            Self::Bounds(bounds) => bounds.fields(),
            Self::RoleUnknown => vec![FieldProblem::new("/role", "UNKNOWN", self.to_string())],
            Self::ExpiryPast => invalid("/expiresAt"),
            Self::TooManyRanges => invalid("/ipRanges"),
            Self::OverlapTooLong => invalid("/overlapSeconds"),
            Self::Unauthenticated
            | Self::NotFound
            | Self::Lacking(_)
            | Self::Declared
            | Self::Revoked
            | Self::Stale { .. }
            | Self::Failed(_) => Vec::new(),
        }
    }
}
