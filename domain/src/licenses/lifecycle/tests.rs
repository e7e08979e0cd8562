use licentia_types::licenses::FeatureOverrides;
use licentia_types::limits::Limit;
use licentia_types::metadata::Metadata;
use licentia_types::time::Seconds;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::licenses::status;
use licentia_types::ids::{CustomerId, ProductId, TierId};
use licentia_types::licenses::LicenseStatus;

const START: Timestamp = Timestamp::from_seconds(1_900_000_000);

fn license() -> license::Model {
    license::Model {
        id: LicenseId::new(Uuid::nil()),
        product_id: ProductId::new(Uuid::nil()),
        tier_id: TierId::new(Uuid::nil()),
        customer_id: None,
        group_id: None,
        group_since: None,
        key_digest: Vec::new(),
        key_sealed: Vec::new(),
        key_masked: String::new(),
        status: license::Status::Active,
        starts_at: START,
        awaits_start: false,
        expires_at: Some(START.plus_days(30)),
        term_days: Some(30),
        term_months: None,
        updates_until: None,
        trial: false,
        first_activated_at: None,
        max_activations: Limit::Inherit,
        max_users: Limit::Inherit,
        max_tenants: Limit::Inherit,
        features: FeatureOverrides::default(),
        seats_used: 0,
        source: None,
        source_order_id: None,
        notes: None,
        metadata: Metadata::default(),
        suspended_at: None,
        suspension_reason: None,
        revoked_at: None,
        revoked_by: None,
        revocation_reason: None,
        grace_until: None,
        superseded_by: None,
        created_at: START,
        updated_at: START,
        version: 1,
    }
}

/// Whatever can be done to a licence.
#[derive(Clone, Copy, Debug)]
enum Act {
    Suspend,
    Reinstate,
    Revoke { grace_hours: Option<u8> },
    Supersede { grace_hours: Option<u8> },
    Renew { days: u16 },
    RenewUntil { days: u16 },
    Transfer { to: u8 },
    Edit,
    FirstActivation,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        Just(Act::Suspend),
        Just(Act::Reinstate),
        any::<Option<u8>>().prop_map(|grace_hours| Act::Revoke { grace_hours }),
        any::<Option<u8>>().prop_map(|grace_hours| Act::Supersede { grace_hours }),
        any::<u16>().prop_map(|days| Act::Renew { days }),
        any::<u16>().prop_map(|days| Act::RenewUntil { days }),
        any::<u8>().prop_map(|to| Act::Transfer { to }),
        Just(Act::Edit),
        Just(Act::FirstActivation),
    ]
}

fn revocation(grace_hours: Option<u8>, superseded: bool, now: Timestamp) -> Revocation {
    Revocation {
        by: "operator".to_owned(),
        reason: None,
        grace_until: grace_hours.map(|hours| now + Seconds::constant(u32::from(hours) * 3_600)),
        superseded_by: superseded.then(|| LicenseId::new(Uuid::max())),
    }
}

impl Act {
    /// The licence afterwards; as it was where the act is refused.
    fn apply(self, before: license::Model, now: Timestamp) -> license::Model {
        let of = |next: Next| match next {
            Next::Changed(license) | Next::Same(license) => license,
        };
        let unchanged = before.clone();
        match self {
            Self::Suspend => suspend(before, None, now).map(of),
            Self::Reinstate => reinstate(before, now).map(of),
            Self::Revoke { grace_hours } => Ok(of(revoke(before, revocation(grace_hours, false, now), now))),
            // A sibling takes the place only of what is not revoked.
            Self::Supersede { .. } if before.status == license::Status::Revoked => Ok(before),
            Self::Supersede { grace_hours } => {
                Ok(of(revoke(before, revocation(grace_hours, true, now), now)))
            }
            Self::Renew { days } => renew(before, Renewal::By(Term::Days(days.into())), now),
            Self::RenewUntil { days } => renew(before, Renewal::Until(START.plus_days(days.into())), now),
            Self::Transfer { to } => {
                let customer = Some(CustomerId::new(Uuid::from_u128(to.into())));
                transfer(before, Belonging { customer, group: None }, now).map(of)
            }
            Self::Edit => edited(before, now),
            // An activation asks first what the licence is worth; in the grace after its end it comes
            // through.
            Self::FirstActivation => match status(&before, now) {
                LicenseStatus::Active | LicenseStatus::Expired => Ok(first_activated(before, now)),
                LicenseStatus::Suspended | LicenseStatus::Revoked => Ok(before),
            },
        }
        .unwrap_or(unchanged)
    }
}

proptest! {
    #[test]
    fn only_a_superseded_licence_leaves_revoked_and_only_by_reinstate(
        acts in prop::collection::vec((act(), 0_u32..400), 1..40),
        awaits in any::<bool>(),
    ) {
        let mut license = license::Model { awaits_start: awaits, ..license() };
        let mut days = 0;
        for (act, later) in acts {
            days += later;
            let (before, now) = (license.clone(), START.plus_days(days));
            license = act.apply(license, now);
            if before.status == license::Status::Revoked && license.status != license::Status::Revoked {
                prop_assert!(before.superseded_by.is_some() && matches!(act, Act::Reinstate));
            }
            if before.status == license::Status::Suspended && license.status == license::Status::Active {
                prop_assert!(matches!(act, Act::Reinstate));
            }
            prop_assert!(license.suspended_at.is_none() || license.grace_until.is_none());
            if before.status == license::Status::Revoked && license.status == license::Status::Revoked {
                // The grace is never longer than it was, and a final revocation stays one.
                prop_assert!(license.grace_until <= before.grace_until);
                prop_assert!(before.superseded_by.is_some() || license.superseded_by.is_none());
                prop_assert_eq!(license.expires_at, before.expires_at);
                prop_assert_eq!(license.customer_id, before.customer_id);
            }
            prop_assert_eq!(license.status == license::Status::Revoked, license.revoked_at.is_some());
            prop_assert!(license.status != license::Status::Suspended || license.suspended_at.is_some());
            prop_assert!(license == before || license.version > before.version
                || matches!(act, Act::FirstActivation));
            prop_assert!(license.expires_at >= before.expires_at);
        }
    }

    #[test]
    fn doing_it_again_changes_nothing(hours in any::<Option<u8>>(), reason in any::<bool>()) {
        let reason = reason.then(|| "why".parse().unwrap());
        let Ok(Next::Changed(suspended)) = suspend(license(), reason.clone(), START) else { panic!() };
        let later = START.plus_days(1);
        prop_assert_eq!(suspend(suspended.clone(), None, later), Ok(Next::Same(suspended)));
        let how = revocation(hours, false, START);
        let Next::Changed(revoked) = revoke(license(), how.clone(), START) else { panic!() };
        prop_assert_eq!(revoke(revoked.clone(), how, START), Next::Same(revoked));
    }
}

#[test]
fn a_renewal_counts_from_the_end_or_from_now_when_that_has_passed() {
    let by =
        |license, now| renew(license, Renewal::By(Term::Days(10)), now).map(|license| license.expires_at);
    assert_eq!(by(license(), START), Ok(Some(START.plus_days(40))));
    assert_eq!(by(license(), START.plus_days(30)), Ok(Some(START.plus_days(40))));
    assert_eq!(by(license(), START.plus_days(100)), Ok(Some(START.plus_days(110))));
    let until = |at| renew(license(), Renewal::Until(at), START).map(|license| license.expires_at);
    assert_eq!(until(START.plus_days(31)), Ok(Some(START.plus_days(31))));
    assert_eq!(until(START.plus_days(30)), Err(Refused::EndOutOfRange));
    let perpetual = license::Model { expires_at: None, ..license() };
    assert_eq!(by(perpetual.clone(), START), Err(Refused::Perpetual));
    assert_eq!(by(license::Model { awaits_start: true, ..perpetual }, START), Err(Refused::NotStarted));
    let endless = license::Model { expires_at: Some(LAST), ..license() };
    assert_eq!(by(endless, START), Err(Refused::EndOutOfRange));
}

#[test]
fn what_was_on_hold_before_a_sibling_came_is_on_hold_again() {
    let Ok(Next::Changed(held)) = suspend(license(), None, START) else { panic!() };
    let Next::Changed(superseded) = revoke(held.clone(), revocation(Some(1), true, START), START) else {
        panic!()
    };
    let Ok(Next::Changed(back)) = reinstate(superseded, START) else { panic!() };
    assert_eq!(back, license::Model { version: back.version, ..held });
}

#[test]
fn what_is_on_hold_has_no_grace() {
    for superseded in [false, true] {
        let Ok(Next::Changed(held)) = suspend(license(), None, START) else { panic!() };
        let how = revocation(Some(24), superseded, START);
        let Next::Changed(revoked) = revoke(held, how, START) else { panic!() };
        assert_eq!((revoked.status, revoked.grace_until), (license::Status::Revoked, None));
    }
}

#[test]
fn a_revocation_by_a_sibling_can_be_made_one_for_good() {
    let Next::Changed(superseded) = revoke(license(), revocation(Some(24), true, START), START) else {
        panic!()
    };
    let Next::Changed(revoked) = revoke(superseded, revocation(None, false, START), START) else { panic!() };
    assert_eq!((revoked.superseded_by, revoked.grace_until), (None, None));
    assert_eq!(reinstate(revoked, START), Err(Refused::Revoked));
}

#[test]
fn time_that_waits_begins_with_the_first_machine() {
    let waiting = license::Model { awaits_start: true, expires_at: None, ..license() };
    let later = START.plus_days(7);
    let started = first_activated(waiting.clone(), later);
    assert_eq!(
        (started.starts_at, started.expires_at, started.version),
        (later, Some(later.plus_days(30)), 2)
    );
    let fixed = license::Model { expires_at: Some(START.plus_days(8)), ..waiting };
    assert_eq!(first_activated(fixed, later).expires_at, Some(START.plus_days(8)));
    let running = first_activated(license(), later);
    assert_eq!((running.version, running.first_activated_at), (1, Some(later)));
}
