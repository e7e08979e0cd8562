//! Why an operation on an admin is refused.

use licentia_types::permissions::{Permission, names};
use licentia_types::problems::{FieldProblem, ProblemCode};

use crate::failure::{Failure, failed_from};
use crate::groups::BoundsError;
use crate::refusal::Refusal;

/// Why an operation on an admin was refused.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No such admin.
    #[error("there is no such admin")]
    NotFound,
    /// The caller would give, or change, what he does not have.
    #[error("nobody gives or changes what he lacks; you lack {}", names(.0))]
    Lacking(Vec<Permission>),
    /// Somebody signs in with this address already.
    #[error("an admin with this e-mail address exists")]
    EmailTaken,
    /// No such role.
    #[error("there is no such role")]
    UnknownRole,
    /// Not within these groups.
    #[error(transparent)]
    Bounds(#[from] BoundsError),
    /// Whoever may do everything does it everywhere.
    #[error("a super_admin is bounded by no groups: give another role, or no groups")]
    SuperAdminBounded,
    /// Nobody would be left who may do everything.
    #[error("this is the last super_admin who can sign in: make another one first")]
    LastSuperAdmin,
    /// With a password, and with a code, one changes one's own.
    #[error("this is your own account: use /auth/password/change and /auth/totp/disable")]
    Own,
    /// He was disabled.
    #[error("the admin is disabled: enable him first")]
    Disabled,
    /// What the directory says of him is not edited here.
    #[error("the directory knows this admin: his address, name, role and password are changed there")]
    OfDirectory,
    /// There is none.
    #[error("this server asks no directory: see [ldap] in its configuration")]
    NoDirectory,
    /// Somebody else edited him.
    #[error("the admin was changed in the meantime; his version is {current}")]
    Stale {
        /// The present version.
        current: i64,
    },
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(AdminError);

impl Refusal for AdminError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound => ProblemCode::NotFound,
            Self::Lacking(_) => ProblemCode::PermissionDenied,
            Self::EmailTaken => ProblemCode::AlreadyExists,
            Self::Bounds(bounds) => bounds.code(),
            Self::UnknownRole | Self::SuperAdminBounded => ProblemCode::ValidationFailed,
            Self::LastSuperAdmin | Self::Own | Self::Disabled | Self::OfDirectory | Self::NoDirectory => {
                ProblemCode::StateConflict
            }
            Self::Stale { .. } => ProblemCode::VersionStale,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::EmailTaken => vec![FieldProblem::new("/email", "TAKEN", self.to_string())],
            Self::UnknownRole => vec![FieldProblem::new("/role", "UNKNOWN", self.to_string())],
            Self::Bounds(bounds) => bounds.fields(),
            Self::SuperAdminBounded => vec![FieldProblem::new("/groups", "INVALID", self.to_string())],
            Self::NotFound
            | Self::Lacking(_)
            | Self::LastSuperAdmin
            | Self::Own
            | Self::Disabled
            | Self::OfDirectory
            | Self::NoDirectory
            | Self::Stale { .. }
            | Self::Failed(_) => Vec::new(),
        }
    }
}
