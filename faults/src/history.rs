//! What clients asked and what they were told, in the order in which it happened.

use licentia_crypto::nonces::Nonce;
use licentia_types::ids::{ActivationId, LicenseId};

/// What somebody wants. Asked again after a lost answer, it is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// A licence; `once` is its Idempotency-Key, and what it is noted by.
    Issue { once: String, seats: u32 },
    /// A seat for a machine.
    Activate { license: LicenseId, fingerprint: String },
    /// The next nonce.
    Beat { activation: ActivationId, from: Nonce, request: String },
    /// The machine gives its seat back.
    Deactivate { activation: ActivationId, once: String },
    /// The licence is taken back.
    Revoke { license: LicenseId, once: String },
}

/// What somebody was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Issued {
        license: LicenseId,
        key: String,
    },
    Seated {
        activation: ActivationId,
        place: Nonce,
    },
    /// All seats are taken.
    Full,
    Rotated {
        place: Nonce,
        status: String,
    },
    Deactivated,
    Revoked,
    /// No answer, or one that says that it may be asked again: nobody knows what became of it.
    Nothing,
    /// Anything else, as it came.
    Refused(String),
}

/// One request and its outcome.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Instants of one clock that ticks with every event of all clients.
    pub(crate) asked_at: u64,
    pub(crate) told_at: u64,
    pub(crate) ask: Ask,
    pub(crate) said: Said,
}

impl Entry {
    /// Whether what was asked is done, as far as whoever asked was told.
    pub(crate) const fn is_acknowledged(&self) -> bool {
        matches!(
            self.said,
            Said::Issued { .. }
                | Said::Seated { .. }
                | Said::Rotated { .. }
                | Said::Deactivated
                | Said::Revoked
        )
    }
}
