//! The table of rules: what it says of single facts, and what holds for any.

use licentia_types::text::ProductVersion;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::releases::DateFrom;
use ValidationCode as Code;

const NOW: Timestamp = Timestamp::from_seconds(1_900_000_000);

fn after(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_900_000_000 + seconds)
}

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn active(liveness: Liveness) -> Machine {
    Machine::Active { liveness, last_contact_at: NOW }
}

fn well() -> Facts {
    Facts {
        now: NOW,
        status: LicenseStatus::Active,
        suspended_at: None,
        revoked_at: None,
        grace_until: None,
        expires_at: None,
        ends_at: None,
        machine: active(Liveness::Active),
        seats: None,
        heartbeat_interval: Seconds::constant(10),
        offline_grace: Seconds::constant(100),
        unapproved: None,
        coverage: None,
        action: None,
        features: BTreeSet::from([key("edit")]),
    }
}

fn covered(until: i64, came_out: i64) -> Coverage {
    let version: ProductVersion = "2.0".parse().unwrap();
    let version = Some(Dated { version, at: after(came_out), from: DateFrom::Released });
    Coverage { updates_until: after(until), version }
}

fn withdrawn() -> Assembly {
    Assembly {
        assembly_name: "Core".parse().unwrap(),
        version: "2.0".parse().unwrap(),
        sha256: "a".repeat(64).parse().unwrap(),
        public_key_token: None,
    }
}

fn codes(facts: &Facts) -> Vec<Code> {
    judge(Credential::Key, Some(facts)).codes().collect()
}

#[test]
fn all_is_well_without_reasons() {
    let judgement = judge(Credential::Token, Some(&well()));
    assert!(judgement.is_valid() && judgement.reasons().is_empty());
    assert_eq!(judgement.code(), Code::Valid);
}

#[test]
fn every_reason_is_told_gravest_first() {
    let facts = Facts {
        status: LicenseStatus::Revoked,
        ends_at: Some(NOW),
        machine: Machine::Stranger { others: true, seat_free: false },
        unapproved: Some(withdrawn()),
        coverage: Some(covered(0, 0)),
        action: Some(key("api")),
        ..well()
    };
    let expected = [
        Code::Revoked,
        Code::Expired,
        Code::FingerprintMismatch,
        Code::SeatLimitReached,
        Code::AssemblyNotApproved,
        Code::VersionNotCovered,
        Code::FeatureNotIncluded,
    ];
    assert_eq!(codes(&facts), expected);
}

#[test]
fn a_revoked_machine_is_revoked_and_nothing_else() {
    let machine = Machine::Revoked { at: Some(NOW), grace_until: Some(after(1)) };
    assert_eq!(codes(&Facts { machine, ..well() }), [Code::Revoked]);
}

#[test]
fn a_lapsed_machine_is_not_active_and_may_lack_a_seat() {
    let lapsed = |seat_free| Facts {
        machine: Machine::Inactive { status: ActivationStatus::Lapsed, seat_free },
        ..well()
    };
    assert_eq!(codes(&lapsed(true)), [Code::NotActivated]);
    assert_eq!(codes(&lapsed(false)), [Code::NotActivated, Code::SeatLimitReached]);
}

#[test]
fn graces_are_told_apart() {
    let expiry = Facts { status: LicenseStatus::Expired, ends_at: Some(after(1)), ..well() };
    assert_eq!(codes(&expiry), [Code::Grace]);
    let silent = |liveness| codes(&Facts { machine: active(liveness), ..well() });
    assert_eq!(silent(Liveness::Grace), [Code::Grace, Code::HeartbeatOverdue]);
    assert_eq!(silent(Liveness::GraceExpired), [Code::GraceExpired, Code::HeartbeatOverdue]);
}

#[test]
fn the_right_to_updates_is_half_open() {
    for (until, came_out, expected) in [(10, 9, true), (10, 10, false), (10, 11, false)] {
        let facts = Facts { coverage: Some(covered(until, came_out)), ..well() };
        assert_eq!(codes(&facts).is_empty(), expected, "{came_out}");
    }
    let unknown = Some(Coverage { updates_until: after(-1), version: None });
    assert_eq!(codes(&Facts { coverage: unknown, ..well() }), []);
}

#[test]
fn a_bad_token_ends_the_judgement() {
    let judgement = judge(Credential::BadToken("signature"), None);
    assert_eq!(judgement.reasons(), ["TOKEN_INVALID", "signature"]);
    assert!(!judgement.is_valid());
    let rules = judgement.into_rules();
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0].inputs["fault"], "signature");
}

#[test]
fn an_unknown_licence_ends_the_judgement() {
    let names = |credential| {
        let rules = judge(credential, None).into_rules();
        rules.into_iter().map(|judged| (judged.rule, judged.passed)).collect::<Vec<_>>()
    };
    assert_eq!(names(Credential::Key), [(Rule::LicenseKnown, false)]);
    assert_eq!(names(Credential::Token), [(Rule::TokenValid, true), (Rule::LicenseKnown, false)]);
    assert_eq!(judge(Credential::Key, None).reasons(), ["NOT_FOUND"]);
}

#[test]
fn names_are_lower_snake_case_and_each_code_has_one_rule() {
    let mut seen = std::collections::HashSet::new();
    for rule in Rule::ALL {
        let name = serde_json::to_value(rule).unwrap();
        assert_eq!(name, rule.as_str());
        assert!(rule.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
        assert!(seen.insert(rule.code().as_str()) && rule.code() != Code::Valid);
    }
    let first_warning = Rule::ALL.iter().position(|rule| !rule.code().is_grave()).unwrap();
    assert!(Rule::ALL[first_warning..].iter().all(|rule| !rule.code().is_grave()));
}

fn any_liveness() -> impl Strategy<Value = Liveness> {
    select(vec![Liveness::Active, Liveness::Grace, Liveness::GraceExpired])
}

fn any_machine() -> impl Strategy<Value = Machine> {
    let inactive = select(vec![ActivationStatus::Deactivated, ActivationStatus::Lapsed]);
    prop_oneof![
        Just(Machine::NotAsked),
        any_liveness().prop_map(active),
        any::<bool>()
            .prop_map(|grace| Machine::Revoked { at: Some(NOW), grace_until: grace.then(|| after(60)) }),
        (inactive, any::<bool>()).prop_map(|(status, seat_free)| Machine::Inactive { status, seat_free }),
        any::<(bool, bool)>().prop_map(|(others, seat_free)| Machine::Stranger { others, seat_free }),
    ]
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let status = select(vec![
        LicenseStatus::Active,
        LicenseStatus::Expired,
        LicenseStatus::Suspended,
        LicenseStatus::Revoked,
    ]);
    let end = proptest::option::of((-2_i64..3).prop_map(after));
    let coverage = proptest::option::of((-2_i64..3, -2_i64..3))
        .prop_map(|dates| dates.map(|(until, came_out)| covered(until, came_out)));
    let action = proptest::option::of(select(vec![key("edit"), key("api")]));
    let unapproved = any::<bool>().prop_map(|unapproved| unapproved.then(withdrawn));
    (status, end, any_machine(), unapproved, coverage, action).prop_map(
        |(status, ends_at, machine, unapproved, coverage, action)| Facts {
            status,
            ends_at,
            machine,
            unapproved,
            coverage,
            action,
            ..well()
        },
    )
}

proptest! {
    #[test]
    fn the_explanation_and_the_reasons_are_one(facts in any_facts(), by_token: bool) {
        let credential = if by_token { Credential::Token } else { Credential::Key };
        let judgement = judge(credential, Some(&facts));
        let (code, valid, reasons) = (judgement.code(), judgement.is_valid(), judgement.reasons());
        let rules = judgement.into_rules();
        let names: Vec<Rule> = rules.iter().map(|judged| judged.rule).collect();
        prop_assert_eq!(&names[..], &Rule::ALL[usize::from(!by_token)..]);
        let failed: Vec<&str> =
            rules.iter().filter(|judged| !judged.passed).map(|judged| judged.rule.code().as_str()).collect();
        prop_assert_eq!(&reasons, &failed);
        prop_assert_eq!(code.as_str(), failed.first().copied().unwrap_or("VALID"));
        let all_grave = rules.iter().all(|judged| judged.passed || !judged.rule.code().is_grave());
        prop_assert_eq!(valid, all_grave);
        prop_assert_eq!(valid, matches!(code, Code::Valid | Code::Grace));
    }

    #[test]
    fn whoever_was_taken_back_is_never_valid(facts in any_facts()) {
        let revoked = facts.status == LicenseStatus::Revoked || matches!(facts.machine, Machine::Revoked { .. });
        let judgement = judge(Credential::Key, Some(&facts));
        prop_assert_eq!(judgement.code() == Code::Revoked, revoked);
        prop_assert!(!(revoked && judgement.is_valid()));
    }

    #[test]
    fn what_gets_worse_never_becomes_valid(facts in any_facts()) {
        let before = judge(Credential::Key, Some(&facts));
        for worse in [
            Facts { status: LicenseStatus::Suspended, ..facts.clone() },
            Facts { ends_at: Some(NOW), ..facts.clone() },
            Facts { unapproved: Some(withdrawn()), ..facts.clone() },
            Facts { coverage: Some(covered(0, 0)), ..facts.clone() },
            Facts { action: Some(key("api")), ..facts.clone() },
        ] {
            prop_assert!(before.is_valid() || !judge(Credential::Key, Some(&worse)).is_valid()
                || facts.status == LicenseStatus::Revoked);
        }
    }
}
