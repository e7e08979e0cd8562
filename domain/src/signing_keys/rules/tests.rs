//! A purpose's keys through any order of rotations, revocations, imports and retirements.

use std::collections::BTreeMap;

use licentia_entity::signing_key::{Model, Purpose};
use licentia_types::signing_keys::SigningKeyState as State;
use licentia_types::time::{Seconds, Timestamp};
use proptest::prelude::*;

use super::*;

const MAX_AGE: Seconds = Seconds::constant(300);
const START: Timestamp = Timestamp::from_seconds(2_000_000_000);

fn row(number: u32, published_at: Timestamp) -> Model {
    Model {
        kid: format!("key-{number}"),
        purpose: Purpose::Token,
        public_spki: Vec::new(),
        private_sealed: Vec::new(),
        published_at,
        active_from: None,
        retiring_from: None,
        signs_until: published_at,
        retired_at: None,
        revoked_at: None,
        revocation_reason: None,
        imported: false,
    }
}

/// The keys of one purpose, and every token that they signed: whose, until when.
struct World {
    rows: Vec<Model>,
    now: Timestamp,
    made: u32,
    signed: BTreeMap<String, Timestamp>,
    /// Keys that signed early because another one was revoked.
    hurried: Vec<String>,
}

impl World {
    fn new() -> Self {
        let mut first = row(0, START);
        first.active_from = Some(START);
        let rows = vec![first, row(1, START)];
        Self { rows, now: START, made: 2, signed: BTreeMap::new(), hurried: Vec::new() }
    }

    fn row(&mut self, kid: &str) -> &mut Model {
        self.rows.iter_mut().find(|row| row.kid == kid).unwrap()
    }

    fn publish(&mut self) {
        let made = row(self.made, self.now);
        self.made += 1;
        self.rows.push(made);
    }

    fn rotate(&mut self) {
        match takeover(&self.rows, self.now, MAX_AGE) {
            Ok(takeover) => {
                self.row(&takeover.from.unwrap()).retiring_from = Some(takeover.at);
                self.row(&takeover.to).active_from = Some(takeover.at);
                self.publish();
            }
            Err(blocked) => {
                let Blocked::Underway(at) = blocked else { panic!("one always waits") };
                assert!(at > self.now);
            }
        }
    }

    fn revoke(&mut self, which: usize) {
        let revoked = self.rows[which % self.rows.len()].clone();
        if revoked.revoked_at.is_some() {
            return;
        }
        let succession = succession(&self.rows, &revoked, self.now);
        let now = self.now;
        self.row(&revoked.kid).revoked_at = Some(now);
        if let Some(kid) = succession.goes_on {
            self.row(&kid).retiring_from = None;
        }
        if let Some(kid) = succession.signs {
            self.row(&kid).active_from = Some(now);
            self.hurried.push(kid);
        }
        if waiting(&self.rows).is_none() {
            self.publish();
        }
    }

    fn import(&mut self) {
        let (now, kid) = (self.now, waiting(&self.rows).unwrap().kid.clone());
        let replaced = self.row(&kid);
        (replaced.active_from, replaced.retiring_from, replaced.retired_at) =
            (Some(now), Some(now), Some(now));
        self.publish();
    }

    fn retire(&mut self) {
        let now = self.now;
        for row in &mut self.rows {
            if retirable_from(row).is_some_and(|at| at <= now) {
                row.retired_at = Some(now);
            }
        }
    }

    fn sign(&mut self, life: u32) {
        let until = self.now + Seconds::constant(life);
        let kid = signer(self.rows.iter(), self.now).unwrap().kid.clone();
        let row = self.row(&kid);
        row.signs_until = row.signs_until.max(until.end_of_day());
        let last = self.signed.entry(kid).or_insert(until);
        *last = (*last).max(until);
    }

    fn hold(&self) -> Result<(), TestCaseError> {
        let of = |wanted: State| self.rows.iter().filter(move |row| state(row, self.now) == wanted);
        prop_assert_eq!(of(State::Active).count(), 1, "exactly one signs: {:#?}", self.rows);
        let active = of(State::Active).next().unwrap();
        prop_assert_eq!(&signer(self.rows.iter(), self.now).unwrap().kid, &active.kid);
        // The unique indexes of the table.
        let count = |test: fn(&Model) -> bool| self.rows.iter().filter(|row| test(row)).count();
        prop_assert_eq!(count(|row| row.active_from.is_none() && row.revoked_at.is_none()), 1);
        let signs = |row: &Model| row.active_from.is_some() && row.retiring_from.is_none();
        prop_assert_eq!(self.rows.iter().filter(|row| signs(row) && row.revoked_at.is_none()).count(), 1);
        for row in &self.rows {
            let first = row.published_at == START || self.hurried.contains(&row.kid);
            let early = row.active_from.is_some_and(|from| from < row.published_at + MAX_AGE + CAUTION);
            let unused = row.retiring_from.is_some() && row.retiring_from == row.active_from;
            prop_assert!(first || unused || !early, "signs before verifiers know it: {:?}", row);
        }
        for (kid, until) in &self.signed {
            let row = self.rows.iter().find(|row| row.kid == *kid).unwrap();
            let believed = row.revoked_at.is_none() && self.now < *until;
            prop_assert!(!believed || is_published(row), "a live token's key is gone: {:?}", row);
            prop_assert!(row.retired_at.is_none_or(|at| at >= row.signs_until));
        }
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u32),
    Rotate,
    Revoke(usize),
    Import,
    Retire,
    Sign(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop_oneof![0_u32..400, 0_u32..200_000].prop_map(Step::Wait),
        3 => Just(Step::Rotate),
        1 => any::<usize>().prop_map(Step::Revoke),
        1 => Just(Step::Import),
        2 => Just(Step::Retire),
        3 => (1_u32..400_000).prop_map(Step::Sign),
    ]
}

proptest! {
    #[test]
    fn one_key_signs_at_any_instant_and_all_that_is_needed_is_published(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Wait(seconds) => world.now = world.now + Seconds::constant(seconds),
                Step::Rotate => world.rotate(),
                Step::Revoke(which) => world.revoke(which),
                Step::Import => world.import(),
                Step::Retire => world.retire(),
                Step::Sign(life) => world.sign(life),
            }
            world.hold()?;
        }
    }
}

fn at(seconds: u32) -> Timestamp {
    START + Seconds::constant(seconds)
}

#[test]
fn a_fresh_key_waits_for_caches_and_an_old_one_takes_over_at_once() {
    let world = World::new();
    let soon = takeover(&world.rows, at(10), MAX_AGE).unwrap();
    assert_eq!((soon.from.as_deref(), soon.to.as_str(), soon.at), (Some("key-0"), "key-1", at(360)));
    assert_eq!(takeover(&world.rows, at(1_000), MAX_AGE).unwrap().at, at(1_000));
}

#[test]
fn states_follow_from_the_times() {
    let mut key = row(0, START);
    assert_eq!(state(&key, at(9)), State::Pending);
    (key.active_from, key.retiring_from) = (Some(at(10)), Some(at(20)));
    for (second, expected) in
        [(9, State::Pending), (10, State::Active), (19, State::Active), (20, State::Retiring)]
    {
        assert_eq!(state(&key, at(second)), expected, "{second}");
    }
    key.retired_at = Some(at(30));
    assert_eq!(state(&key, at(30)), State::Retired);
    key.revoked_at = Some(at(40));
    assert_eq!(state(&key, at(40)), State::Revoked);
}

#[test]
fn a_key_is_retired_when_clocks_agree_that_its_last_token_has_ended() {
    let mut key = row(0, START);
    assert_eq!(retirable_from(&key), None);
    (key.active_from, key.signs_until) = (Some(START), at(5_000));
    assert_eq!(retirable_from(&key), None);
    key.retiring_from = Some(at(100));
    assert_eq!(retirable_from(&key), Some(at(5_120)));
    key.signs_until = START;
    assert_eq!(retirable_from(&key), Some(at(220)));
}

#[test]
fn a_pinned_key_is_never_due() {
    let world = World::new();
    let day = Seconds::constant(86_400);
    assert!(!is_due(&world.rows, at(86_399), Some(day)) && is_due(&world.rows, at(86_400), Some(day)));
    assert!(!is_due(&world.rows, at(86_400_000), None));
}

#[test]
fn a_clock_behind_the_only_key_signs_with_it() {
    let world = World::new();
    let early = Timestamp::from_seconds(START.seconds() - 5);
    assert_eq!(signer(world.rows.iter(), early).unwrap().kid, "key-0");
}
