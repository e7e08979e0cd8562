//! The nonce chain of a machine: a pure state machine.
//!
//! The row holds epoch and generation only; the nonce itself is their MAC, so every nonce that
//! arrives here was once issued. The current one rotates. The one before it is good again only for
//! the very request that rotated it, whose answer was lost. A nonce *ahead* of the row proves that
//! the database was restored from a backup, and is adopted. Everything else is a copy.

use licentia_crypto::nonces::Nonce;
use licentia_entity::activation;
use licentia_types::time::{Seconds, Timestamp};

use crate::failure::Failure;

/// A client without request ids that repeats this long after the rotation is late.
const LATE: Seconds = Seconds::constant(60);
/// So many generations in a row that were repeated late are taken for two machines.
const LATE_IN_A_ROW: u32 = 3;

/// Where the chain of a machine stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Which activation of the machine this is; epochs are seconds since 1970, so that a restored
    /// backup never hands out one again.
    pub epoch: u32,
    /// Generation of the current nonce.
    pub generation: u64,
    /// Digest of the request id that made the current generation.
    pub request_digest: Option<[u8; 16]>,
    /// When the current generation was made.
    pub rotated_at: Timestamp,
    /// The last generation that was repeated late.
    pub late_generation: u64,
    /// How many in a row were.
    pub late_retries: u32,
}

/// What a presented nonce means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is current, or ahead: the chain goes on.
    Rotated {
        /// The chain afterwards.
        chain: Chain,
        /// The nonce was ahead: the database had been restored.
        restored: bool,
    },
    /// The answer to the same request was lost: the same new nonce again.
    Repeated {
        /// The chain afterwards, at the same generation.
        chain: Chain,
        /// A client without request ids that behaves like two machines.
        suspicious: bool,
    },
    /// It was used before, by another request.
    Reused,
}

impl Chain {
    /// Generation of the first nonce of an epoch.
    pub const FIRST_GENERATION: i64 = 1;

    pub(crate) fn of(row: &activation::Model) -> Result<Self, Failure> {
        let corrupt = || Failure::Corrupt("nonce chain");
        Ok(Self {
            epoch: u32::try_from(row.epoch).map_err(|_| corrupt())?,
            generation: u64::try_from(row.generation).map_err(|_| corrupt())?,
            request_digest: match &row.request_digest {
                None => None,
                Some(bytes) => Some(<[u8; 16]>::try_from(bytes.as_slice()).map_err(|_| corrupt())?),
            },
            rotated_at: row.rotated_at,
            late_generation: u64::try_from(row.late_generation).map_err(|_| corrupt())?,
            late_retries: u32::try_from(row.late_retries).map_err(|_| corrupt())?,
        })
    }

    pub(crate) fn write_to(&self, row: &mut activation::Model) -> Result<(), Failure> {
        let corrupt = |_| Failure::Corrupt("nonce chain");
        row.epoch = i64::from(self.epoch);
        row.generation = i64::try_from(self.generation).map_err(corrupt)?;
        row.request_digest = self.request_digest.map(|digest| digest.to_vec());
        row.rotated_at = self.rotated_at;
        row.late_generation = i64::try_from(self.late_generation).map_err(corrupt)?;
        row.late_retries = i32::try_from(self.late_retries).map_err(corrupt)?;
        Ok(())
    }

    /// The nonce that rotates next.
    #[must_use]
    pub const fn nonce(&self) -> Nonce {
        Nonce { epoch: self.epoch, generation: self.generation }
    }

    /// Whether `nonce` proves that its bearer is this machine: current, previous, or ahead.
    #[must_use]
    pub fn knows(&self, nonce: Nonce) -> bool {
        nonce >= self.nonce() || self.precedes(nonce)
    }

    /// The machine activates again: all nonces so far are worth nothing any more.
    #[must_use]
    pub fn next_epoch(&self, proven: Option<Nonce>, now: Timestamp) -> Self {
        let highest = proven.map_or(self.epoch, |nonce| nonce.epoch.max(self.epoch));
        let by_clock = u32::try_from(now.seconds()).unwrap_or(u32::MAX);
        Self {
            epoch: by_clock.max(highest.saturating_add(1)),
            generation: 1,
            request_digest: None,
            rotated_at: now,
            late_generation: 0,
            late_retries: 0,
        }
    }

    /// Judges a nonce that this server made once.
    #[must_use]
    pub fn judge(&self, presented: Nonce, request_digest: Option<[u8; 16]>, now: Timestamp) -> Verdict {
        if presented >= self.nonce() {
            let chain = Self {
                epoch: presented.epoch,
                generation: presented.generation.saturating_add(1),
                request_digest,
                rotated_at: now,
                ..*self
            };
            return Verdict::Rotated { chain, restored: presented > self.nonce() };
        }
        match (self.request_digest, request_digest) {
            _ if !self.precedes(presented) => Verdict::Reused,
            (Some(rotated_by), Some(now_asking)) if rotated_by == now_asking => {
                Verdict::Repeated { chain: self.clone(), suspicious: false }
            }
            (Some(_), _) => Verdict::Reused,
            (None, _) => self.repeated_without_id(presented, now),
        }
    }

    fn precedes(&self, nonce: Nonce) -> bool {
        nonce.epoch == self.epoch && nonce.generation.checked_add(1) == Some(self.generation)
    }

    fn repeated_without_id(&self, presented: Nonce, now: Timestamp) -> Verdict {
        let mut chain = self.clone();
        let counted = self.late_generation == presented.generation;
        if now > self.rotated_at + LATE && !counted {
            let in_a_row = self.late_generation.checked_add(1) == Some(presented.generation);
            chain.late_retries = if in_a_row { self.late_retries.saturating_add(1) } else { 1 };
            chain.late_generation = presented.generation;
        }
        let suspicious =
            !counted && chain.late_retries >= LATE_IN_A_ROW && chain.late_generation == presented.generation;
        Verdict::Repeated { chain, suspicious }
    }
}

#[cfg(test)]
mod tests;
