//! What is not the caller's fault: the database, the operating system, a secret that does not open.

use std::sync::Arc;

use licentia_crypto::jwe::EncryptError;
use licentia_crypto::jws::SignError;
use licentia_crypto::rsa_keys::RsaKeyError;
use licentia_crypto::sealing::{OpenError, SealError};
use licentia_types::problems::ProblemCode;
use sea_orm::DbErr;

use crate::database::{is_passing, is_rolled_back};
use crate::mail::Unreachable;
use crate::once::IN_FLIGHT;
use crate::randomness::RandomnessExhausted;
use crate::refusal::Refusal;

/// Something of ours failed; the chain of causes is for the log only.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The database.
    #[error("the database failed")]
    Database(#[from] DbErr),
    /// Sealing at rest.
    #[error("a secret could not be sealed")]
    Seal(#[from] SealError),
    /// Opening what was sealed.
    #[error("a sealed secret could not be opened")]
    Open(#[from] OpenError),
    /// Signing.
    #[error("a token could not be signed")]
    Sign(#[from] SignError),
    /// Encrypting to a consumer's key.
    #[error("a token could not be encrypted")]
    Encrypt(#[from] EncryptError),
    /// A signing key.
    #[error("a signing key could not be made or read")]
    SigningKey(#[from] RsaKeyError),
    /// No randomness.
    #[error(transparent)]
    Randomness(#[from] RandomnessExhausted),
    /// The keys could not be read for so long that another one may sign by now.
    #[error("the signing keys could not be read for a minute")]
    KeysUnread(#[source] Option<Arc<Failure>>),
    /// The database took longer than anybody would wait.
    #[error("the database did not answer in time")]
    Unanswered,
    /// More calls wait than can be served.
    #[error("too many calls wait already; try again in a moment")]
    Overloaded,
    /// A stored value is not what this program writes.
    #[error("the stored {0} cannot be read")]
    Corrupt(&'static str),
    /// What was to be changed changed under our hands, again and again.
    #[error("somebody else was always faster")]
    Contended,
    /// What was written together with others failed as a whole.
    #[error(transparent)]
    Together(Arc<Failure>),
    /// Another instance is doing the same for the same caller, or has done it.
    #[error("{}", IN_FLIGHT)]
    Repeated,
    /// Nobody takes letters from us.
    #[error("the mail server takes no letters")]
    MailServer(#[from] Unreachable),
    /// Work on a thread for computations was lost.
    #[error("a computation was cancelled")]
    Cancelled,
}

impl Failure {
    /// Not available for now, or our fault; or somebody came twice at once.
    #[must_use]
    pub fn code(&self) -> ProblemCode {
        match self {
            Self::Repeated => ProblemCode::RequestInFlight,
            _ if self.is_passing() => ProblemCode::Unavailable,
            _ => ProblemCode::Internal,
        }
    }

    /// Whether the database took all of it back, because two waited for each other.
    pub(crate) fn is_rolled_back(&self) -> bool {
        matches!(self, Self::Database(error) if is_rolled_back(error))
    }

    /// Whether the same call may well succeed in a moment.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Database(error) => is_passing(error),
            Self::Together(failure) => failure.is_passing(),
            Self::KeysUnread(_)
            | Self::Unanswered
            | Self::Overloaded
            | Self::Contended
            | Self::MailServer(_) => true,
            _ => false,
        }
    }
}

impl Failure {
    /// Whether something that is stored cannot be read, and never will be: whoever works through rows goes on with the
    /// next one.
    pub(crate) const fn is_unreadable(&self) -> bool {
        matches!(self, Self::Open(_) | Self::Corrupt(_))
    }
}

/// For operations that refuse nothing.
impl Refusal for Failure {
    fn code(&self) -> ProblemCode {
        Self::code(self)
    }
}

/// Lets `?` turn every cause of a [`Failure`] into the variant `Failed` of a capability's error.
macro_rules! failed_from {
    ($error:ty) => {
        crate::failure::failed_from!(
            $error:
            sea_orm::DbErr,
            licentia_crypto::sealing::SealError,
            licentia_crypto::sealing::OpenError,
            crate::randomness::RandomnessExhausted
        );
    };
    ($error:ty: $($cause:ty),+) => {
        $(impl From<$cause> for $error {
            fn from(cause: $cause) -> Self {
                Self::Failed(crate::failure::Failure::from(cause))
            }
        })+
    };
}

pub(crate) use failed_from;
