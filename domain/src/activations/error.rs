//! Why an operation on an activation was refused.

use licentia_crypto::jwe::ConsumerKeyError;
use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::seats::SeatsTaken;
use licentia_types::text::{AssemblyName, AssemblyVersion};

use super::seats::SeatsError;
use crate::activation_claims::NoRoom;
use crate::failure::{Failure, failed_from};
use crate::refusal::Refusal;

/// Why an operation on an activation was refused.
#[derive(Debug, thiserror::Error)]
pub enum ActivationError {
    /// No such activation, or none that the caller may know of.
    #[error("there is no such activation")]
    NotFound,
    /// No licence has this key.
    #[error("there is no licence with this key")]
    KeyUnknown,
    /// A typing error, or not 8 to 512 printable bytes.
    #[error("the licence key has a typing error: compare it with the original, symbol by symbol")]
    KeyMalformed,
    /// The consumer's key cannot be used.
    #[error(transparent)]
    ConsumerKey(#[from] ConsumerKeyError),
    /// An algorithm for a key that is not there.
    #[error("consumerKeyAlg needs consumerKey")]
    AlgorithmAlone,
    /// The licence has ended.
    #[error("the licence has expired")]
    LicenseExpired,
    /// The licence is on hold.
    #[error("the licence is suspended")]
    LicenseSuspended,
    /// The licence was taken back.
    #[error("the licence was revoked")]
    LicenseRevoked,
    /// The machine runs a build that is not approved.
    #[error("assembly {name} {version} is not approved for this licence as it was built here")]
    AssemblyNotApproved {
        /// Its place in the manifest: the first such one.
        place: usize,
        /// What it is called.
        name: AssemblyName,
        /// Its version.
        version: AssemblyVersion,
    },
    /// The machine was revoked, and is not unblocked.
    #[error("this machine was revoked")]
    Blocked,
    /// What was revoked can only be unblocked.
    #[error("the activation was revoked; unblock it first")]
    Revoked,
    /// Past the longest grace.
    #[error("graceHours must be 0 to 8760")]
    GraceHours,
    /// Replicas are told apart on floating licences only.
    #[error("instance is for floating licences: machines of this one are told apart by their fingerprints")]
    InstanceNodeLocked,
    /// Another trial of the product.
    #[error("this machine had its trial of the product with another licence")]
    TrialUsed,
    /// No seat is free.
    #[error("all seats of the licence are taken")]
    SeatLimit(SeatsTaken),
    /// Not even a claim is made.
    #[error("too many machines wait for approval already; ask again when one was picked, or in a while")]
    TooManyWait,
    /// The claim that it came with was rejected meanwhile.
    #[error("somebody decided that this machine is not let in")]
    ClaimRejected,
    /// Not made by this server for this activation.
    #[error("the nonce is not one of this activation")]
    NonceInvalid,
    /// Used before.
    #[error("the nonce is not the current one; activate again by key alone")]
    NonceReused,
    /// By key alone nothing is replaced.
    #[error(
        "{member} differs from the one that this machine activated with; send its current nonce to replace it"
    )]
    BindingMismatch {
        /// The member of the request.
        member: &'static str,
    },
    /// A machine must prove itself.
    #[error("{member} is needed to deactivate without an API key")]
    ProofMissing {
        /// The member of the request.
        member: &'static str,
    },
    /// The key holder's principal may not do this.
    #[error("the permission activations is missing")]
    PermissionDenied,
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(ActivationError);

impl From<SeatsError> for ActivationError {
    fn from(error: SeatsError) -> Self {
        match error {
            SeatsError::Full(taken) => Self::SeatLimit(taken),
            SeatsError::Failed(failure) => Self::Failed(failure),
        }
    }
}

impl From<NoRoom> for ActivationError {
    fn from(error: NoRoom) -> Self {
        match error {
            NoRoom::Full => Self::TooManyWait,
            NoRoom::Failed(failure) => Self::Failed(failure),
        }
    }
}

impl Refusal for ActivationError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound | Self::KeyUnknown => ProblemCode::NotFound,
            Self::KeyMalformed => ProblemCode::LicenseKeyMalformed,
            Self::ConsumerKey(_) => ProblemCode::ConsumerKeyInvalid,
            Self::LicenseExpired => ProblemCode::LicenseExpired,
            Self::LicenseSuspended => ProblemCode::LicenseSuspended,
            Self::LicenseRevoked => ProblemCode::LicenseRevoked,
            Self::AssemblyNotApproved { .. } => ProblemCode::AssemblyNotApproved,
            Self::Blocked => ProblemCode::ActivationRevoked,
            Self::Revoked => ProblemCode::StateConflict,
            Self::TrialUsed => ProblemCode::TrialUsed,
            Self::SeatLimit(_) => ProblemCode::SeatLimitReached,
            Self::TooManyWait => ProblemCode::ClaimLimitReached,
            Self::ClaimRejected => ProblemCode::ClaimRejected,
            Self::NonceInvalid => ProblemCode::NonceInvalid,
            Self::NonceReused => ProblemCode::NonceReused,
            Self::BindingMismatch { .. } => ProblemCode::BindingMismatch,
            Self::AlgorithmAlone
            | Self::ProofMissing { .. }
            | Self::InstanceNodeLocked
            | Self::GraceHours => ProblemCode::ValidationFailed,
            Self::PermissionDenied => ProblemCode::PermissionDenied,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        let field = |pointer: String, code| vec![FieldProblem::new(pointer, code, self.to_string())];
        match self {
            Self::KeyMalformed => field("/licenseKey".to_owned(), "INVALID"),
            Self::ConsumerKey(_) => field("/consumerKey".to_owned(), "INVALID"),
            Self::InstanceNodeLocked => field("/instance".to_owned(), "INVALID"),
            Self::GraceHours => field("/graceHours".to_owned(), "INVALID"),
            Self::AlgorithmAlone => field("/consumerKey".to_owned(), "REQUIRED"),
            Self::ProofMissing { member } => field(format!("/{member}"), "REQUIRED"),
            Self::BindingMismatch { member } => field(format!("/{member}"), "INVALID"),
            Self::AssemblyNotApproved { place, .. } => {
                field(format!("/assemblyManifest/{place}"), "NOT_APPROVED")
            }
            _ => Vec::new(),
        }
    }

    fn seats(&self) -> Option<SeatsTaken> {
        match self {
            Self::SeatLimit(taken) => Some(taken.clone()),
            _ => None,
        }
    }
}
