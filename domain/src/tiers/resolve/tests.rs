use std::collections::{BTreeSet, HashMap};

use licentia_entity::tier::{BillingPeriods, FeatureSelectors, FeatureValues, FreeEnvironments};
use licentia_types::features::FeatureValueType;
use licentia_types::ids::{FeatureId, ProductId};
use licentia_types::time::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use super::*;
use crate::context::{DefaultTimes, KeyTimes, RsaKeyBits, SessionTimes};
use crate::purging::Retention;

const START: Timestamp = Timestamp::from_seconds(0);
const ENTITLEMENTS: [&str; 5] = ["a", "b", "c", "d", "e"];
const DISPLAYED: &str = "shown";
const TIERS: usize = 8;

fn settings() -> Settings {
    let seconds = Seconds::constant;
    Settings {
        issuer: "https://licences.example".to_owned(),
        signing_key_bits: RsaKeyBits::Rsa2048,
        keys: KeyTimes { jwks_max_age: seconds(1), rotation: None, document_rotation: None },
        list_ttl: seconds(1),
        retention: Retention {
            events: seconds(1),
            system_events: seconds(1),
            usage: seconds(1),
            mails: seconds(1),
        },
        import_bytes: 1_048_576,
        sessions: SessionTimes {
            access_ttl: Seconds::constant(300),
            idle: Seconds::constant(600),
            lifetime: Seconds::constant(900),
        },
        require_totp: false,
        registration: crate::context::Registration::Open,
        backdate: seconds(60),
        times: DefaultTimes {
            token_ttl: seconds(1_001),
            heartbeat_interval: seconds(1_002),
            offline_grace: seconds(1_003),
            expiry_grace: seconds(1_004),
            revocation_grace: seconds(1_005),
            lease: seconds(1_006),
        },
        max_activations: 3,
    }
}

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn tier_id(number: usize) -> TierId {
    TierId::new(Uuid::from_u128(u128::try_from(number).unwrap() + 1))
}

fn features() -> Vec<feature::Model> {
    let one = |(number, text): (u128, &str)| feature::Model {
        id: FeatureId::new(Uuid::from_u128(number)),
        product_id: ProductId::new(Uuid::nil()),
        key: key(text),
        name: text.parse().unwrap(),
        description: None,
        kind: if text == DISPLAYED { FeatureKind::Display } else { FeatureKind::Entitlement },
        value_type: FeatureValueType::Integer,
        sort_order: 0,
        archived_at: None,
        created_at: START,
        updated_at: START,
        version: 1,
    };
    (0..).zip(ENTITLEMENTS.into_iter().chain([DISPLAYED])).map(one).collect()
}

fn blank(number: usize) -> tier::Model {
    tier::Model {
        id: tier_id(number),
        product_id: ProductId::new(Uuid::nil()),
        key: key(&format!("tier-{number}")),
        name: "Tier".parse().unwrap(),
        description: None,
        includes_tier_id: None,
        monthly_price: None,
        annual_price: None,
        currency: None,
        billing_periods: BillingPeriods::default(),
        max_activations: Limit::Inherit,
        max_users: Limit::Inherit,
        max_tenants: Limit::Inherit,
        features: FeatureSelectors::default(),
        feature_values: FeatureValues::default(),
        activation_model: None,
        free_environments: FreeEnvironments::default(),
        token_ttl: None,
        heartbeat_interval: None,
        offline_grace: None,
        expiry_grace: None,
        revocation_grace: None,
        lease: None,
        enforcement: None,
        degrade_to_tier_id: None,
        sort_order: 0,
        archived_at: None,
        created_at: START,
        updated_at: START,
        version: 1,
    }
}

fn limit() -> impl Strategy<Value = Limit> {
    prop_oneof![Just(Limit::Inherit), Just(Limit::Unlimited), (1_u32..9).prop_map(Limit::AtMost)]
}

fn time() -> impl Strategy<Value = Option<Seconds>> {
    proptest::option::of((1_u32..1_000).prop_map(Seconds::constant))
}

fn places() -> impl Strategy<Value = FreeEnvironments> {
    proptest::collection::btree_map(select(vec!["dev", "ci", "test"]), 0_u32..4, 0..3).prop_map(|places| {
        let named = places.into_iter().map(|(name, machines)| (name.parse().unwrap(), machines));
        FreeEnvironments(named.collect::<BTreeMap<Environment, u32>>().try_into().unwrap())
    })
}

fn granted() -> impl Strategy<Value = (FeatureSelectors, FeatureValues)> {
    let named = select([ENTITLEMENTS.as_slice(), &[DISPLAYED, "*"]].concat());
    let selectors = proptest::collection::btree_set(named, 0..3).prop_map(|names| {
        let selector =
            |name| if name == "*" { FeatureSelector::Every } else { FeatureSelector::One(key(name)) };
        FeatureSelectors(names.into_iter().map(selector).collect())
    });
    let values = proptest::collection::btree_map(select(ENTITLEMENTS.to_vec()), any::<i32>(), 0..3);
    let values = values.prop_map(|values| {
        let value = |(name, number)| (key(name), FeatureValue::Integer(i64::from(number)));
        FeatureValues(values.into_iter().map(value).collect())
    });
    (selectors, values)
}

/// A tier that says something of everything, or nothing, and includes one of those before it.
fn said(number: usize) -> impl Strategy<Value = tier::Model> {
    let model = proptest::option::of(select(vec![ActivationModel::NodeLocked, ActivationModel::Floating]));
    let enforcement =
        proptest::option::of(select(vec![Enforcement::Block, Enforcement::Advise, Enforcement::Degrade]));
    let included = proptest::option::of(0..number.max(1));
    let times = [(); 6].map(|()| time());
    (included, granted(), [limit(), limit(), limit()], times, places(), model, (enforcement, 0..TIERS))
        .prop_map(
            move |(
                included,
                (features, feature_values),
                limits,
                times,
                places,
                model,
                (enforcement, target),
            )| {
                let [max_activations, max_users, max_tenants] = limits;
                let [token_ttl, heartbeat_interval, offline_grace, expiry_grace, revocation_grace, lease] =
                    times;
                tier::Model {
                    includes_tier_id: included.filter(|included| *included < number).map(tier_id),
                    features,
                    feature_values,
                    max_activations,
                    max_users,
                    max_tenants,
                    token_ttl,
                    heartbeat_interval,
                    offline_grace,
                    expiry_grace,
                    revocation_grace,
                    lease,
                    free_environments: places,
                    activation_model: model,
                    enforcement,
                    degrade_to_tier_id: enforcement
                        .filter(|enforcement| *enforcement == Enforcement::Degrade)
                        .map(|_| tier_id(target)),
                    ..blank(number)
                }
            },
        )
}

/// Any tiers without a circle, and the same catalogue in any other order.
fn forest() -> impl Strategy<Value = (Catalogue, Catalogue)> {
    let tiers: Vec<_> = (0..TIERS).map(said).collect();
    tiers.prop_flat_map(|tiers| {
        let shuffled = (Just(tiers.clone()).prop_shuffle(), Just(features()).prop_shuffle());
        let straight = Catalogue { tiers, features: features() };
        (Just(straight), shuffled.prop_map(|(tiers, features)| Catalogue { tiers, features }))
    })
}

/// The tiers from `start` on, found without the code under test.
fn walk(catalogue: &Catalogue, start: TierId) -> Vec<tier::Model> {
    let by_id: HashMap<TierId, &tier::Model> = catalogue.tiers.iter().map(|tier| (tier.id, tier)).collect();
    std::iter::successors(by_id.get(&start), |tier| by_id.get(&tier.includes_tier_id?))
        .map(|tier| (*tier).clone())
        .collect()
}

/// What tiers say of one thing, added up from the farthest to the nearest.
fn last_said<T>(path: &[tier::Model], of: impl Fn(&tier::Model) -> Option<T>) -> Option<T> {
    path.iter().rev().fold(None, |said, tier| of(tier).or(said))
}

proptest! {
    #[test]
    fn no_feature_granted_on_the_path_is_lost_and_none_is_added((catalogue, _) in forest()) {
        for tier in &catalogue.tiers {
            let resolved = catalogue.resolve(tier.id, &settings()).unwrap();
            let path = walk(&catalogue, tier.id);
            let mut granted = BTreeSet::new();
            for tier in &path {
                for selector in &tier.features.0 {
                    match selector {
                        FeatureSelector::One(key) => drop(granted.insert(key.clone())),
                        FeatureSelector::Every => granted.extend(ENTITLEMENTS.map(key)),
                    }
                }
                granted.extend(tier.feature_values.0.keys().cloned());
            }
            prop_assert_eq!(resolved.grants.keys().cloned().collect::<BTreeSet<_>>(), granted);
            prop_assert_eq!(&resolved.path, &path.iter().map(|tier| tier.key.clone()).collect::<Vec<_>>());
            for (key, grant) in &resolved.grants {
                let value = last_said(&path, |tier| tier.feature_values.0.get(key).cloned());
                prop_assert_eq!(&grant.value, &value);
                let from = path.iter().position(|tier| tier.key == grant.from).unwrap();
                prop_assert!(crate::tiers::names(&path[from], key) || path[from].features.0.contains(&FeatureSelector::Every));
                prop_assert!(path[..from].iter().all(|nearer| !crate::tiers::names(nearer, key)));
            }
        }
    }

    #[test]
    fn the_nearest_limit_time_model_and_enforcement_wins((catalogue, _) in forest()) {
        let defaults = settings();
        for tier in &catalogue.tiers {
            let resolved = catalogue.resolve(tier.id, &defaults).unwrap();
            let path = walk(&catalogue, tier.id);
            let limit = |of: fn(&tier::Model) -> Limit, default: Option<u32>| {
                last_said(&path, |tier| Some(of(tier)).filter(|limit| !limit.is_inherited())).map_or(default, Limit::number)
            };
            prop_assert_eq!(resolved.limits, Limits {
                max_activations: limit(|tier| tier.max_activations, Some(3)),
                max_users: limit(|tier| tier.max_users, None),
                max_tenants: limit(|tier| tier.max_tenants, None),
            });
            let model = last_said(&path, |tier| tier.activation_model).unwrap_or_default();
            let floating = model == ActivationModel::Floating;
            let lease = last_said(&path, |tier| tier.lease).unwrap_or(defaults.times.lease);
            let leased = |time: Option<Seconds>, default| if floating { lease } else { time.unwrap_or(default) };
            let interval = if floating { Seconds::try_from((lease.get() / 3).max(1)).unwrap() } else { defaults.times.heartbeat_interval };
            prop_assert_eq!(resolved.activation_model, model);
            prop_assert_eq!(resolved.times, Times {
                token_ttl: leased(last_said(&path, |tier| tier.token_ttl), defaults.times.token_ttl),
                offline_grace: leased(last_said(&path, |tier| tier.offline_grace), defaults.times.offline_grace),
                heartbeat_interval: last_said(&path, |tier| tier.heartbeat_interval).unwrap_or(interval),
                expiry_grace: last_said(&path, |tier| tier.expiry_grace).unwrap_or(defaults.times.expiry_grace),
                revocation_grace: last_said(&path, |tier| tier.revocation_grace).unwrap_or(defaults.times.revocation_grace),
                lease,
            });
            let enforcement = last_said(&path, |tier| Some((tier.enforcement?, tier.degrade_to_tier_id)));
            let (enforcement, target) = enforcement.unwrap_or_default();
            prop_assert_eq!(resolved.enforcement, enforcement);
            let target = target.map(|id| catalogue.tiers.iter().find(|tier| tier.id == id).unwrap().key.clone());
            prop_assert_eq!(&resolved.degrade_to, &target);
            for name in ["dev", "ci", "test"] {
                let name: Environment = name.parse().unwrap();
                let said = last_said(&path, |tier| BTreeMap::from(tier.free_environments.0.clone()).remove(&name));
                let places = said.filter(|places| *places > 0);
                prop_assert_eq!(resolved.free_environments.get(&name).copied(), places);
            }
        }
    }

    #[test]
    fn the_order_of_tiers_and_features_says_nothing((straight, shuffled) in forest()) {
        for number in 0..TIERS {
            let resolve = |catalogue: &Catalogue| catalogue.resolve(tier_id(number), &settings()).unwrap();
            prop_assert_eq!(resolve(&straight), resolve(&shuffled));
        }
    }

    #[test]
    fn a_circle_is_always_refused((catalogue, shuffled) in forest(), low in 0..TIERS, high in 0..TIERS) {
        // Whatever the path of `high` is, its last tier includes `low`: a circle when `low` is on it.
        for mut catalogue in [catalogue, shuffled] {
            let path = walk(&catalogue, tier_id(high));
            let closing = path[low % path.len()].id;
            let last = path.last().unwrap().id;
            for tier in &mut catalogue.tiers {
                if tier.id == last {
                    tier.includes_tier_id = Some(closing);
                }
            }
            for number in 0..TIERS {
                let reaches = walk_into(&catalogue, tier_id(number), last);
                let resolved = catalogue.resolve(tier_id(number), &settings());
                prop_assert_eq!(resolved.err(), reaches.then_some(ResolveError::Cycle));
            }
        }
    }
}

/// Whether `start` leads to `tier`, in tiers that may go round in a circle.
fn walk_into(catalogue: &Catalogue, start: TierId, tier: TierId) -> bool {
    let mut at = Some(start);
    for _ in 0..=TIERS {
        let Some(id) = at else { return false };
        if id == tier {
            return true;
        }
        at = catalogue.tiers.iter().find(|tier| tier.id == id).and_then(|tier| tier.includes_tier_id);
    }
    false
}
