//! What seeded licences and machines are called. All of it follows from their number, so that five million of them
//! take no memory here.

use licentia_crypto::license_keys::{KeyPrefix, LicenseKey, NativeKey};
use licentia_types::ids::{ActivationId, CustomerId, LicenseId};
use uuid::Uuid;

/// So many machines share a licence, and so many seats a licence has that no machine uses yet.
pub(crate) const MACHINES_PER_LICENSE: u32 = 5;
/// Licences that are waiting for their machines.
pub(crate) const VACANT_LICENSES: u32 = 80 * FILLED_TOGETHER;
/// Licences that are filled side by side, so that no two connections meet on one.
const FILLED_TOGETHER: u32 = 256;
/// Rows of one millisecond, as if they had come in that order.
const ROWS_PER_MILLISECOND: u32 = 100;

/// Which numbers mean what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names {
    /// Machines that are activated.
    pub(crate) machines: u32,
    /// When the first row was made; milliseconds since 1970.
    pub(crate) since: u64,
}

/// What keeps the random bits of different things apart.
#[derive(Clone, Copy)]
enum Kind {
    Customer = 1,
    License = 2,
    Activation = 3,
    Key = 4,
}

impl Names {
    /// Licences with all of their machines.
    pub(crate) const fn occupied(self) -> u32 {
        self.machines.div_ceil(MACHINES_PER_LICENSE)
    }

    /// All licences: the occupied ones come first.
    pub(crate) const fn licenses(self) -> u32 {
        self.occupied() + VACANT_LICENSES
    }

    pub(crate) fn customer(self, license: u32) -> CustomerId {
        CustomerId::new(self.id(Kind::Customer, license))
    }

    pub(crate) fn license(self, license: u32) -> LicenseId {
        LicenseId::new(self.id(Kind::License, license))
    }

    pub(crate) fn activation(self, machine: u32) -> ActivationId {
        ActivationId::new(self.id(Kind::Activation, machine))
    }

    /// The licence that gives its next seat to the newcomer of this number; none when all are full.
    pub(crate) fn license_for(self, newcomer: u32) -> Option<u32> {
        let (round, within) =
            (newcomer / (FILLED_TOGETHER * MACHINES_PER_LICENSE), newcomer % FILLED_TOGETHER);
        let vacant = round * FILLED_TOGETHER + within;
        (vacant < VACANT_LICENSES).then(|| self.occupied() + vacant)
    }

    fn id(self, kind: Kind, number: u32) -> Uuid {
        let millis = self.since + u64::from(number / ROWS_PER_MILLISECOND);
        uuid::Builder::from_unix_timestamp_millis(millis, &random(kind, number)).into_uuid()
    }
}

/// The licence of a seeded machine.
pub(crate) const fn license_of(machine: u32) -> u32 {
    machine / MACHINES_PER_LICENSE
}

/// What a seeded machine says it is.
pub(crate) fn fingerprint(machine: u32) -> String {
    format!("5f0c1f7a-board-{machine:08}")
}

/// What a machine says that was not there before.
pub(crate) fn new_fingerprint(newcomer: u32) -> String {
    format!("9ad2b3c4-board-{newcomer:08}")
}

/// The key of a licence.
pub(crate) fn license_key(prefix: &KeyPrefix, license: u32) -> LicenseKey {
    NativeKey::from_random(prefix, random(Kind::Key, license)).into()
}

#[expect(clippy::as_conversions, reason = "the discriminant of an enum")]
fn random<const N: usize>(kind: Kind, number: u32) -> [u8; N] {
    let mut bytes = [0; N];
    fastrand::Rng::with_seed(u64::from(number) << 8 | kind as u64).fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    const NAMES: Names = Names { machines: 1_002, since: 1_790_000_000_000 };

    #[test]
    fn ids_are_told_apart_and_stay_the_same() {
        let ids: BTreeSet<_> = (0..1_002).map(|machine| NAMES.activation(machine)).collect();
        assert_eq!(ids.len(), 1_002);
        assert_eq!(NAMES.license(7), NAMES.license(7));
        assert_ne!(NAMES.license(7).uuid(), NAMES.activation(7).uuid());
        assert_eq!((NAMES.occupied(), license_of(1_001)), (201, 200));
    }

    #[test]
    fn newcomers_fill_each_vacant_licence_once() {
        let mut taken: BTreeMap<u32, u32> = BTreeMap::new();
        let all = (0..).map_while(|newcomer| NAMES.license_for(newcomer));
        let mut last = Vec::new();
        for license in all {
            *taken.entry(license).or_default() += 1;
            last.push(license);
        }
        assert!(taken.values().all(|seats| *seats == MACHINES_PER_LICENSE));
        assert!(taken.keys().all(|license| (NAMES.occupied()..NAMES.licenses()).contains(license)));
        let together: BTreeSet<_> = last.iter().take(128).collect();
        assert_eq!(together.len(), 128, "128 connections meet on no licence");
    }
}
