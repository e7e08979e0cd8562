//! Why an operation on a licence file was refused.

use licentia_crypto::jwe::ConsumerKeyError;
use licentia_crypto::machine_keys::MachineKeyError;
use licentia_types::license_files::MOST_DAYS;
use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::seats::SeatsTaken;

use crate::activations::ActivationError;
use crate::failure::{Failure, failed_from};
use crate::pages::PageError;
use crate::refusal::Refusal;

/// Why an operation on a licence file was refused.
#[derive(Debug, thiserror::Error)]
pub enum LicenseFileError {
    /// No such licence or file, or none that the caller may know of.
    #[error("there is no such licence, or it has no such file")]
    NotFound,
    /// It would run on any machine.
    #[error(
        "files that are bound to no machine are not supported by this version: give fingerprint, or request"
    )]
    Unbound,
    /// A request file says all of the machine itself.
    #[error("request describes the machine: leave {member} out")]
    DescribedTwice {
        /// The member of the request.
        member: &'static str,
    },
    /// No time at all, or more than a year.
    #[error("ttlDays must be 1 to {MOST_DAYS}")]
    TtlDays,
    /// No request, or one that somebody changed.
    #[error("the request file is not valid: {0}")]
    RequestInvalid(String),
    /// For another product or licence.
    #[error("the request file was made for another {0}")]
    RequestElsewhere(&'static str),
    /// The consumer's key cannot be used.
    #[error(transparent)]
    ConsumerKey(#[from] ConsumerKeyError),
    /// An algorithm for a key that is not there.
    #[error("consumerKeyAlg needs consumerKey")]
    AlgorithmAlone,
    /// Nobody to encrypt to.
    #[error("the machine activated without a key: give consumerKey to encrypt its file")]
    ConsumerKeyMissing,
    /// The machine's own key cannot be used.
    #[error(transparent)]
    MachineKey(#[from] MachineKeyError),
    /// No receipt, or one that somebody changed.
    #[error("the receipt is not valid: {0}")]
    ReceiptInvalid(String),
    /// Signed by a key that asked for no such file.
    #[error("no file that the receipt names was asked for with the key that signed it")]
    ReceiptUnknown,
    /// What every activation may be refused for.
    #[error(transparent)]
    Activation(#[from] ActivationError),
    /// A list that cannot be shown so.
    #[error(transparent)]
    Page(PageError),
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(LicenseFileError);

impl From<PageError> for LicenseFileError {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Failed(failure) => Self::Failed(failure),
            refused @ PageError::Parameter { .. } => Self::Page(refused),
        }
    }
}

impl Refusal for LicenseFileError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound | Self::ReceiptUnknown => ProblemCode::NotFound,
            Self::Unbound => ProblemCode::NotSupported,
            Self::DescribedTwice { .. }
            | Self::TtlDays
            | Self::RequestInvalid(_)
            | Self::RequestElsewhere(_)
            | Self::AlgorithmAlone
            | Self::ConsumerKeyMissing
            | Self::MachineKey(_)
            | Self::ReceiptInvalid(_) => ProblemCode::ValidationFailed,
            Self::ConsumerKey(_) => ProblemCode::ConsumerKeyInvalid,
            Self::Activation(error) => error.code(),
            Self::Page(error) => error.code(),
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        let field =
            |member: &str, code| vec![FieldProblem::new(format!("/{member}"), code, self.to_string())];
        match self {
            Self::Unbound => field("fingerprint", "NOT_SUPPORTED"),
            Self::DescribedTwice { member } => field(member, "INVALID"),
            Self::TtlDays => field("ttlDays", "INVALID"),
            Self::RequestInvalid(_) | Self::RequestElsewhere(_) => field("request", "INVALID"),
            Self::ConsumerKey(_) => field("consumerKey", "INVALID"),
            Self::AlgorithmAlone | Self::ConsumerKeyMissing => field("consumerKey", "REQUIRED"),
            Self::MachineKey(_) => field("publicKey", "INVALID"),
            Self::ReceiptInvalid(_) => field("receipt", "INVALID"),
            Self::Activation(error) => error.fields(),
            Self::NotFound | Self::ReceiptUnknown | Self::Page(_) | Self::Failed(_) => Vec::new(),
        }
    }

    fn seats(&self) -> Option<SeatsTaken> {
        match self {
            Self::Activation(error) => error.seats(),
            _ => None,
        }
    }
}
