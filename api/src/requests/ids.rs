//! Ids of requests that came without one.

use std::sync::atomic::{AtomicU64, Ordering};

use licentia_domain::context::Moment;
use licentia_domain::randomness::RandomnessExhausted;

/// Makes ids that no other process makes. They tell nobody how many there were, and are not secret: randomness of the
/// quality of keys would be the dearest part of a small answer.
#[derive(Debug)]
pub(crate) struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl RequestIds {
    /// Those of this process.
    pub(crate) fn new(moment: &Moment<'_>) -> Result<Self, RandomnessExhausted> {
        let process = u64::from_be_bytes(moment.random()?);
        Ok(Self { process, next: AtomicU64::new(u64::from_be_bytes(moment.random()?)) })
    }

    /// 32 hexadecimal digits.
    pub(crate) fn make(&self) -> String {
        let number = scatter(self.next.fetch_add(1, Ordering::Relaxed));
        hex::encode(((u128::from(self.process) << 64) | u128::from(number)).to_be_bytes())
    }
}

/// The finalizer of `SplitMix64`: neighbours come to lie far apart, and no two at one place.
const fn scatter(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_id_is_made_twice() {
        let ids = RequestIds { process: 1, next: AtomicU64::new(u64::MAX - 500) };
        let made: HashSet<String> = (0..1000).map(|_| ids.make()).collect();
        assert_eq!(made.len(), 1000);
        assert!(made.iter().all(|id| id.len() == 32 && id.starts_with("0000000000000001")));
    }
}
