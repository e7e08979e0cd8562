use licentia_types::activations::ActivationKind;
use licentia_types::ids::{ActivationId, LicenseId, ProductId, TierId};
use licentia_types::licenses::FeatureOverrides;
use licentia_types::limits::Limit;
use licentia_types::metadata::Metadata;
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_900_000_000);
const BACKDATE: Seconds = Seconds::constant(60);
const TIMES: Times = Times {
    token_ttl: Seconds::constant(900),
    heartbeat_interval: Seconds::constant(300),
    offline_grace: Seconds::constant(900),
    expiry_grace: Seconds::constant(50),
    revocation_grace: Seconds::ZERO,
    lease: Seconds::constant(900),
};

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
        starts_at: NOW,
        awaits_start: false,
        expires_at: None,
        term_days: None,
        term_months: None,
        updates_until: None,
        trial: false,
        first_activated_at: None,
        max_activations: Limit::Inherit,
        max_users: Limit::Inherit,
        max_tenants: Limit::Inherit,
        features: FeatureOverrides::default(),
        seats_used: 1,
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
        created_at: NOW,
        updated_at: NOW,
        version: 1,
    }
}

fn machine() -> activation::Model {
    activation::Model {
        id: ActivationId::new(Uuid::nil()),
        license_id: LicenseId::new(Uuid::nil()),
        fingerprint: "fp-1".parse().unwrap(),
        instance: None,
        kind: ActivationKind::Online,
        status: ActivationStatus::Active,
        hostname: None,
        ip: None,
        environment: None,
        product_version: None,
        user_ref: None,
        tenant_ref: None,
        consumer_key: None,
        consumer_key_alg: None,
        holds_seat: true,
        seat_frees_at: None,
        floating: true,
        lease_until: None,
        offline_until: None,
        free_environment: None,
        epoch: 1,
        generation: 1,
        request_digest: None,
        rotated_at: NOW,
        late_generation: 0,
        late_retries: 0,
        last_contact_at: NOW,
        previous_contact_at: NOW,
        claim_set_id: 0,
        kid: String::new(),
        token_iat: NOW,
        token_exp: NOW,
        status_serial: 0,
        former_status_serial: None,
        clone_suspected_at: None,
        revoked_at: None,
        revoked_by: None,
        revocation_reason: None,
        grace_until: None,
        created_at: NOW,
        updated_at: NOW,
        version: 1,
    }
}

fn worth(license: &license::Model, machine: &activation::Model) -> Worth {
    Worth::of(license, machine, TIMES, NOW, BACKDATE)
}

fn around_now() -> impl Strategy<Value = Option<Timestamp>> {
    proptest::option::of((-200_i64..200).prop_map(|seconds| Timestamp::from_seconds(NOW.seconds() + seconds)))
}

proptest! {
    #[test]
    fn whatever_is_revoked_is_worth_no_token_and_no_grace_past_any_end(
        license_status in select(vec![license::Status::Active, license::Status::Suspended, license::Status::Revoked]),
        machine_status in select(vec![ActivationStatus::Active, ActivationStatus::Lapsed, ActivationStatus::Deactivated, ActivationStatus::Revoked]),
        license_grace in around_now(),
        machine_grace in around_now(),
        expires_at in around_now(),
        suspended_at in around_now(),
    ) {
        let license = license::Model { status: license_status, grace_until: license_grace, expires_at, suspended_at, ..license() };
        let machine = activation::Model { status: machine_status, grace_until: machine_grace, ..machine() };
        let license_revoked = license_status == license::Status::Revoked;
        let machine_revoked = machine_status == ActivationStatus::Revoked;
        let worth = worth(&license, &machine);
        if license_revoked || machine_revoked {
            prop_assert_eq!(worth.window(), None);
            prop_assert_eq!(worth.status(), HeartbeatStatus::Revoked);
            let revives = matches!(worth, Worth::Revival { .. });
            prop_assert!(!revives);
        }
        if let Worth::Grace { until } = worth {
            prop_assert!(until > NOW);
            prop_assert!(!license_revoked || license_grace.is_some_and(|end| until <= end));
            prop_assert!(!machine_revoked || machine_grace.is_some_and(|end| until <= end));
            prop_assert!(expires_at.is_none_or(|end| until <= end + TIMES.expiry_grace));
            prop_assert!(license_status != license::Status::Suspended && suspended_at.is_none());
            prop_assert!(matches!(machine_status, ActivationStatus::Active | ActivationStatus::Revoked));
        }
        if let Some(window) = worth.window() {
            prop_assert_eq!((license_status, machine_status), (license::Status::Active, ActivationStatus::Active));
            prop_assert!(expires_at.is_none_or(|end| window.stale_until <= end + TIMES.expiry_grace));
        }
    }
}

#[test]
fn a_grace_ends_at_its_instant() {
    let grace = |micros| {
        let grace_until = Some(Timestamp::from_micros(NOW.micros() + micros));
        worth(&license::Model { status: license::Status::Revoked, grace_until, ..license() }, &machine())
    };
    assert_eq!(grace(1_500_000), Worth::Grace { until: Timestamp::from_seconds(NOW.seconds() + 1) });
    assert_eq!(grace(999_999), Worth::Nothing(HeartbeatStatus::Revoked));
    assert_eq!(grace(0), Worth::Nothing(HeartbeatStatus::Revoked));
}

#[test]
fn a_lapsed_machine_may_revive_only_on_a_licence_that_is_worth_a_token() {
    let lapsed = activation::Model { status: ActivationStatus::Lapsed, ..machine() };
    assert!(matches!(worth(&license(), &lapsed), Worth::Revival { status: HeartbeatStatus::Active, .. }));
    let suspended = license::Model { status: license::Status::Suspended, ..license() };
    assert_eq!(worth(&suspended, &lapsed), Worth::Nothing(HeartbeatStatus::Suspended));
    let ended = license::Model { expires_at: Some(NOW - TIMES.expiry_grace), ..license() };
    assert_eq!(worth(&ended, &lapsed), Worth::Nothing(HeartbeatStatus::Expired));
}
