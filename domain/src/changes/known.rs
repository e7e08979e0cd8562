//! When what tokens speak of was changed last: a map that is bounded, and errs on the side of change.

use std::collections::{HashMap, HashSet};

use licentia_types::ids::{ActivationId, LicenseId};
use licentia_types::time::{Seconds, Timestamp};
use uuid::Uuid;

/// Most licences and machines of which the instant of their change is kept; some 10 MB.
const MOST: usize = 200_000;

/// Most machines in doubt that are kept one by one; under 1 MB.
const MOST_DOUBTED: usize = 20_000;
/// How many of them are to be read, so that it shows whether there are more.
pub(super) const DOUBTED: u64 = 20_001;
/// How long it may be unknown that a machine is in doubt no more.
const IN_DOUBT: Seconds = Seconds::constant(60);

/// What was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    License(LicenseId),
    Machine(ActivationId),
    /// Whatever a product's tiers grant; by its slug, which tokens name and which never changes.
    Product(String),
    Everything,
    /// Which machines are in doubt, for a build that they run.
    Assemblies,
}

/// What a token speaks of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subjects<'a> {
    pub(super) license: LicenseId,
    pub(super) machine: ActivationId,
    pub(super) product: &'a str,
}

/// When what tokens speak of was changed last.
#[derive(Debug)]
pub(super) struct Known {
    /// What was changed up to this instant is not known one by one.
    floor: Timestamp,
    /// Licences and machines: no two of their ids are the same.
    things: HashMap<Uuid, Timestamp>,
    /// Every product that has licences, by its slug; they are few.
    products: HashMap<String, Timestamp>,
    doubted: Doubted,
    /// When that was read.
    doubted_at: Timestamp,
}

/// Machines of whose builds one may not be approved any more.
#[derive(Debug)]
enum Doubted {
    These(HashSet<ActivationId>),
    /// They are too many: it may be any.
    Any,
}

impl Known {
    /// There are these products, and nothing was changed since `floor`, as far as is known yet.
    pub(super) fn since(floor: Timestamp, products: Vec<String>) -> Self {
        let products = products.into_iter().map(|slug| (slug, floor)).collect();
        let doubted = Doubted::These(HashSet::new());
        Self { floor, things: HashMap::new(), products, doubted, doubted_at: floor }
    }

    /// These machines are in doubt at `now`, and no others; more than are kept: whichever.
    pub(super) fn doubt(&mut self, machines: Vec<ActivationId>, now: Timestamp) {
        let few = machines.len() <= MOST_DOUBTED;
        self.doubted = if few { Doubted::These(machines.into_iter().collect()) } else { Doubted::Any };
        self.doubted_at = now;
    }

    /// Whether a machine may be in doubt.
    pub(super) fn is_doubted(&self, machine: ActivationId) -> bool {
        match &self.doubted {
            Doubted::These(machines) => machines.contains(&machine),
            Doubted::Any => true,
        }
    }

    /// Whether it is time to look who is in doubt still. Where nobody is, only a withdrawal changes that.
    pub(super) fn may_trust(&self, now: Timestamp) -> bool {
        let nobody = matches!(&self.doubted, Doubted::These(machines) if machines.is_empty());
        // A clock that was set back makes it old, too.
        !nobody && (now < self.doubted_at || self.doubted_at + IN_DOUBT <= now)
    }

    /// Takes note of a change at `at`. Again, or an earlier one of the same: nothing changes.
    pub(super) fn learn(&mut self, change: Change, at: Timestamp) {
        let at = at.max(self.floor);
        let last = match change {
            Change::Product(slug) => self.products.entry(slug).or_insert(at),
            Change::Everything => &mut self.floor,
            Change::Assemblies => return,
            _ if at == self.floor => return,
            Change::License(id) => self.things.entry(id.uuid()).or_insert(at),
            Change::Machine(id) => self.things.entry(id.uuid()).or_insert(at),
        };
        *last = at.max(*last);
        self.keep_at_most(MOST);
    }

    /// When any of it was changed last; none that is known of is later. None: there is no such product, or
    /// the machine may be in doubt.
    pub(super) fn last(&self, subjects: Subjects<'_>) -> Option<Timestamp> {
        if self.is_doubted(subjects.machine) {
            return None;
        }
        let product = self.products.get(subjects.product)?;
        let things = [subjects.license.uuid(), subjects.machine.uuid()];
        let things = things.iter().filter_map(|id| self.things.get(id));
        Some(things.chain([product]).copied().fold(self.floor, Timestamp::max))
    }

    /// Where it has become too much, the older half is given up: the floor rises to the latest of it.
    fn keep_at_most(&mut self, most: usize) {
        if self.things.len() <= most {
            return;
        }
        let mut instants: Vec<Timestamp> = self.things.values().copied().collect();
        let half = instants.len() / 2;
        let (_, middle, _) = instants.select_nth_unstable(half);
        self.floor = self.floor.max(*middle);
        self.things.retain(|_, at| *at > self.floor);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(number: u8) -> Uuid {
        Uuid::from_u128(number.into())
    }

    fn change(kind: u8, number: u8) -> Change {
        match kind % 4 {
            0 => Change::License(LicenseId::new(id(number))),
            1 => Change::Machine(ActivationId::new(id(number | 0x80))),
            2 => Change::Product(number.to_string()),
            _ => Change::Everything,
        }
    }

    fn concerns(change: &Change, subjects: Subjects<'_>) -> bool {
        match change {
            Change::License(id) => *id == subjects.license,
            Change::Machine(id) => *id == subjects.machine,
            Change::Product(slug) => slug == subjects.product,
            Change::Everything => true,
            Change::Assemblies => false,
        }
    }

    proptest! {
        #[test]
        fn no_change_is_ever_forgotten(
            changes in prop::collection::vec((0_u8..4, 0_u8..16, 1_i64..1_000), 0..80),
            (license, machine, product) in (0_u8..16, 0_u8..16, 0_u8..16),
            most in 1_usize..20,
        ) {
            let product = product.to_string();
            let mut known = Known::since(Timestamp::from_seconds(0), vec![product.clone()]);
            let subjects = Subjects {
                license: LicenseId::new(id(license)),
                machine: ActivationId::new(id(machine | 0x80)),
                product: &product,
            };
            let mut exact = Timestamp::from_seconds(0);
            for (kind, number, at) in changes {
                let (change, at) = (change(kind, number), Timestamp::from_seconds(at));
                if concerns(&change, subjects) {
                    exact = exact.max(at);
                }
                known.learn(change, at);
                known.keep_at_most(most);
                prop_assert!(known.last(subjects) >= Some(exact), "later is safe, earlier is not");
                prop_assert!(known.things.len() <= most);
            }
        }

        #[test]
        fn with_room_for_all_it_is_exact(
            changes in prop::collection::vec((0_u8..3, 0_u8..16, 1_i64..1_000), 0..80),
            number in 0_u8..16,
        ) {
            let slug = number.to_string();
            let mut known = Known::since(Timestamp::from_seconds(0), vec![slug.clone()]);
            let subjects = Subjects {
                license: LicenseId::new(id(number)),
                machine: ActivationId::new(id(number | 0x80)),
                product: &slug,
            };
            let mut exact = Timestamp::from_seconds(0);
            for (kind, number, at) in changes {
                let (change, at) = (change(kind, number), Timestamp::from_seconds(at));
                if concerns(&change, subjects) {
                    exact = exact.max(at);
                }
                known.learn(change, at);
            }
            prop_assert_eq!(known.last(subjects), Some(exact));
        }
    }

    #[test]
    fn what_is_given_up_is_the_older_half() {
        let mut known = Known::since(Timestamp::from_seconds(0), Vec::new());
        for number in 0..10 {
            known.learn(change(0, number), Timestamp::from_seconds(100 + i64::from(number)));
        }
        known.keep_at_most(9);
        assert_eq!((known.floor, known.things.len()), (Timestamp::from_seconds(105), 4));
    }

    #[test]
    fn a_machine_in_doubt_is_not_known() {
        let at = Timestamp::from_seconds(10);
        let mut known = Known::since(at, vec!["old".to_owned()]);
        let machine = |number| ActivationId::new(id(number));
        let last = |known: &Known, number| {
            let license = LicenseId::new(id(1));
            known.last(Subjects { license, machine: machine(number), product: "old" })
        };
        known.doubt(vec![machine(2), machine(3)], at);
        known.learn(Change::Assemblies, Timestamp::from_seconds(20));
        assert_eq!((last(&known, 2), last(&known, 4)), (None, Some(at)));
        known.doubt(vec![machine(3)], at);
        assert_eq!((last(&known, 2), last(&known, 3)), (Some(at), None));
    }

    #[test]
    fn of_too_many_machines_in_doubt_none_is_kept() {
        let at = Timestamp::from_seconds(10);
        let machine = |number: u128| ActivationId::new(Uuid::from_u128(number));
        let some = |count| (0..count).map(machine).collect::<Vec<_>>();
        let mut known = Known::since(at, Vec::new());
        let most = u128::from(DOUBTED) - 1;
        known.doubt(some(most), at);
        assert_eq!((known.is_doubted(machine(most - 1)), known.is_doubted(machine(most))), (true, false));
        known.doubt(some(most + 1), at);
        assert!(matches!(known.doubted, Doubted::Any) && known.is_doubted(machine(most + 9)));
        known.doubt(some(1), at);
        assert!(!known.is_doubted(machine(most + 9)));
    }

    #[test]
    fn as_long_as_anybody_is_in_doubt_it_is_looked_again() {
        let at = Timestamp::from_seconds;
        let mut known = Known::since(at(10), Vec::new());
        assert!(!known.may_trust(at(1_000)), "nobody is");
        known.doubt(vec![ActivationId::new(id(1))], at(100));
        assert_eq!([99, 100, 159, 160].map(|now| known.may_trust(at(now))), [true, false, false, true]);
        known.doubt(Vec::new(), at(160));
        assert!(!known.may_trust(at(1_000)));
    }

    #[test]
    fn a_product_is_known_from_its_first_change_on() {
        let at = Timestamp::from_seconds;
        let mut known = Known::since(at(10), vec!["old".to_owned()]);
        let last = |known: &Known, product| {
            let (license, machine) = (LicenseId::new(id(1)), ActivationId::new(id(2)));
            known.last(Subjects { license, machine, product })
        };
        assert_eq!((last(&known, "old"), last(&known, "new")), (Some(at(10)), None));
        known.learn(Change::Product("new".to_owned()), at(5));
        assert_eq!(last(&known, "new"), Some(at(10)), "what was before is not known one by one");
    }
}
