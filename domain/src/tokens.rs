//! Licence tokens: what they say, how long they live, and what is kept of them.

use std::collections::{BTreeMap, BTreeSet};

use licentia_crypto::digests::fingerprint_claim;
use licentia_crypto::jwe::{ConsumerKey, ConsumerKeyAlgorithm};
use licentia_crypto::sealing::Place;
use licentia_entity::{activation, claim_set, consumer_key, license, product};
use licentia_types::activations::{ConsumerKeyAlg, TokenType};
use licentia_types::features::{FeatureKind, FeatureValue};
use licentia_types::ids::ActivationId;
use licentia_types::licenses::FeatureOverrides;
use licentia_types::limits::Limit;
use licentia_types::text::Key;
use licentia_types::time::{Seconds, Timestamp};
use licentia_types::tokens::{ClaimSet, Enforcement, LicenseClaims, TokenTyp};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::context::{Context, Moment};
use crate::failure::Failure;
use crate::signing_keys::SigningKey;
use crate::tiers::{Catalogue, Limits, ResolvedTier, Times};

pub use size::{TokenTooLarge, check_size};

mod size;

/// What a licence grants now: its tier with all that it includes, and its own overrides.
#[derive(Clone, Debug, PartialEq)]
pub struct Entitlements {
    /// Key of the tier.
    pub tier: Key,
    /// Tier keys, nearest first.
    pub path: Vec<Key>,
    /// Entitlement keys.
    pub features: BTreeSet<Key>,
    /// Values of the typed ones.
    pub values: BTreeMap<Key, FeatureValue>,
    /// Limits.
    pub limits: Limits,
    /// Times.
    pub times: Times,
}

/// Overrides of a licence's limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitOverrides {
    /// Machines.
    pub max_activations: Limit,
    /// Distinct user references.
    pub max_users: Limit,
    /// Distinct tenant references.
    pub max_tenants: Limit,
}

impl From<&license::Model> for LimitOverrides {
    fn from(license: &license::Model) -> Self {
        Self {
            max_activations: license.max_activations,
            max_users: license.max_users,
            max_tenants: license.max_tenants,
        }
    }
}

impl Entitlements {
    /// Applies a licence's overrides to its tier. Display features never become entitlements.
    #[must_use]
    pub fn of(
        catalogue: &Catalogue,
        tier: &ResolvedTier,
        features: &FeatureOverrides,
        limits: LimitOverrides,
    ) -> Self {
        let granted = |key: &Key| match &features.set {
            Some(frozen) => frozen.contains(key),
            None => {
                (tier.grants.contains_key(key)
                    || features.add.contains(key)
                    || features.values.contains_key(key))
                    && !features.remove.contains(key)
            }
        };
        let entitled: BTreeSet<Key> = catalogue
            .live_features()
            .filter(|feature| feature.kind == FeatureKind::Entitlement && granted(&feature.key))
            .map(|feature| feature.key.clone())
            .collect();
        let values = entitled
            .iter()
            .filter_map(|key| {
                let of_tier = || tier.grants.get(key).and_then(|grant| grant.value.as_ref());
                let value = features.values.get(key).or_else(of_tier)?;
                Some((key.clone(), value.clone()))
            })
            .collect();
        let overridden = |own: Limit, inherited: Option<u32>| match own {
            Limit::Inherit => inherited,
            Limit::Unlimited => None,
            Limit::AtMost(number) => Some(number),
        };
        Self {
            tier: tier.key.clone(),
            path: tier.path.clone(),
            features: entitled,
            values,
            limits: Limits {
                max_activations: overridden(limits.max_activations, tier.limits.max_activations),
                max_users: overridden(limits.max_users, tier.limits.max_users),
                max_tenants: overridden(limits.max_tenants, tier.limits.max_tenants),
            },
            times: tier.times,
        }
    }

    /// What a token says of the licence.
    #[must_use]
    pub fn claim_set(&self, issuer: &str, license: &license::Model, product: &product::Model) -> ClaimSet {
        ClaimSet {
            iss: issuer.to_owned(),
            sub: license
                .customer_id
                .map_or_else(|| license.id.to_string(), |customer| customer.to_string()),
            aud: product.slug.as_str().to_owned(),
            license_id: license.id,
            license_exp: license.expires_at.map(Timestamp::seconds),
            tier: self.tier.clone(),
            tiers: self.path.clone(),
            features: self.features.clone(),
            feature_values: self.values.clone(),
            max_users: self.limits.max_users,
            max_tenants: self.limits.max_tenants,
            max_activations: self.limits.max_activations,
            heartbeat_required: self.times.heartbeat_interval > Seconds::ZERO,
            heartbeat_interval: self.times.heartbeat_interval.get(),
            enforcement: Enforcement::Block,
        }
    }
}

impl Entitlements {
    /// What [`Entitlements::claim_set`] makes at the most: for a check before anything is written.
    #[must_use]
    pub fn largest_claim_set(&self, issuer: &str, product: &product::Model) -> ClaimSet {
        let widest = licentia_types::ids::LicenseId::new(uuid::Uuid::max());
        ClaimSet {
            iss: issuer.to_owned(),
            sub: widest.to_string(),
            aud: product.slug.as_str().to_owned(),
            license_id: widest,
            license_exp: Some(i64::MAX),
            tier: self.tier.clone(),
            tiers: self.path.clone(),
            features: self.features.clone(),
            feature_values: self.values.clone(),
            max_users: Some(u32::MAX),
            max_tenants: Some(u32::MAX),
            max_activations: Some(u32::MAX),
            heartbeat_required: false,
            heartbeat_interval: i64::MAX,
            enforcement: Enforcement::Block,
        }
    }
}

/// How long one token lives; whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// `iat` and `nbf`: set back, for clocks that are a little behind.
    pub issued: Timestamp,
    /// First instant at which the token is not valid; never past the licence's end.
    pub expires: Timestamp,
    /// When to call again.
    pub refresh_after: Timestamp,
    /// Until when an unreachable server must not stop the program; never below `expires`.
    pub stale_until: Timestamp,
}

/// The first instant at which a licence is worth nothing any more: its expiry and the grace.
#[must_use]
pub fn license_end(expires_at: Option<Timestamp>, times: Times) -> Option<Timestamp> {
    expires_at.map(|at| at + times.expiry_grace)
}

impl Window {
    /// The window of a token minted on a contact at `now`; none when the licence has ended.
    #[must_use]
    pub fn at(now: Timestamp, times: Times, end: Option<Timestamp>, backdate: Seconds) -> Option<Self> {
        let whole = |at: Timestamp| Timestamp::from_seconds(at.seconds());
        let not_past_end = |at: Timestamp| end.map_or(at, |end| at.min(end));
        let issued = whole(now - backdate);
        let expires = whole(not_past_end(now + times.token_ttl));
        if expires <= now {
            return None;
        }
        let stale_until = whole(not_past_end(now + times.offline_grace)).max(expires);
        Some(Self {
            issued,
            expires,
            refresh_after: issued + times.heartbeat_interval,
            stale_until,
        })
    }
}

/// What a token says of its machine, beside what it says of the licence.
#[derive(Clone, Copy, Debug)]
pub struct Bearer<'a> {
    /// The machine, as it is stored after this contact.
    pub activation: &'a activation::Model,
    /// Epoch and generation of its nonce chain.
    pub nonce: licentia_crypto::nonces::Nonce,
}

/// All claims of a machine's token.
#[must_use]
pub fn claims(set: ClaimSet, window: Window, bearer: Bearer<'_>) -> LicenseClaims {
    let Bearer { activation, nonce } = bearer;
    LicenseClaims {
        iat: window.issued.seconds(),
        nbf: window.issued.seconds(),
        exp: window.expires.seconds(),
        jti: token_id(activation.id, nonce),
        activation_id: activation.id,
        refresh_after: window.refresh_after.seconds(),
        stale_until: window.stale_until.seconds(),
        environment: activation.environment.clone(),
        product_version: activation.product_version.clone(),
        fingerprint: fingerprint_claim(
            &activation.license_id.to_string(),
            activation.fingerprint.as_str(),
        ),
        set,
    }
}

fn token_id(activation: ActivationId, nonce: licentia_crypto::nonces::Nonce) -> String {
    format!("{activation}.{}.{}", nonce.epoch, nonce.generation)
}

/// A token as it leaves.
#[derive(Clone)]
pub struct Packed {
    /// The compact text.
    pub token: String,
    /// How it is packed.
    pub token_type: TokenType,
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packed")
            .field("token_type", &self.token_type)
            .finish_non_exhaustive()
    }
}

/// To whom a token is encrypted.
#[derive(Debug)]
pub struct Recipient {
    key: ConsumerKey,
    algorithm: ConsumerKeyAlg,
}

impl Recipient {
    /// The registered key of a machine, if it has one.
    pub(crate) async fn of(
        db: &impl ConnectionTrait,
        activation: &activation::Model,
    ) -> Result<Option<Self>, Failure> {
        let Some(thumbprint) = activation.consumer_key.clone() else {
            return Ok(None);
        };
        let row = consumer_key::Entity::find_by_id(thumbprint)
            .one(db)
            .await?
            .ok_or(Failure::Corrupt("consumer key"))?;
        let key = ConsumerKey::from_spki_der(&row.spki).map_err(|_| Failure::Corrupt("consumer key"))?;
        Ok(Some(Self {
            key,
            algorithm: activation.consumer_key_alg.unwrap_or_default(),
        }))
    }
}

/// Signs and, for a recipient, encrypts. Never inside a transaction.
///
/// # Errors
/// When the cryptographic library fails.
pub fn mint(
    key: &SigningKey,
    typ: TokenTyp,
    claims: &LicenseClaims,
    recipient: Option<&Recipient>,
) -> Result<Packed, Failure> {
    let token = key.sign(typ, claims)?;
    let Some(Recipient { key, algorithm }) = recipient else {
        return Ok(Packed {
            token,
            token_type: TokenType::Jwt,
        });
    };
    let algorithm = match algorithm {
        ConsumerKeyAlg::RsaOaep => ConsumerKeyAlgorithm::RsaOaep,
        ConsumerKeyAlg::RsaOaep256 => ConsumerKeyAlgorithm::RsaOaep256,
    };
    Ok(Packed {
        token: key.encrypt(algorithm, &token)?,
        token_type: TokenType::Jwe,
    })
}

/// Finds, or keeps, the one row for what is claimed of this licence at this version of it and of
/// its product's catalogue.
pub(crate) async fn keep_claim_set(
    tx: &impl ConnectionTrait,
    ctx: &Context,
    moment: &Moment<'_>,
    license: &license::Model,
    product: &product::Model,
    set: &ClaimSet,
) -> Result<i64, Failure> {
    if let Some(id) = find_claim_set(tx, license, product).await? {
        return Ok(id);
    }
    let json = serde_json::to_vec(set).map_err(|_| Failure::Corrupt("claim set"))?;
    let row_name = format!(
        "{}:{}:{}",
        license.id, license.version, product.catalogue_revision
    );
    let place = Place {
        table: "claim_set",
        column: "sealed",
        row: &row_name,
    };
    let row = claim_set::ActiveModel {
        license_id: Set(license.id),
        license_version: Set(license.version),
        catalogue_revision: Set(product.catalogue_revision),
        sealed: Set(ctx.kek.seal(place, &json)?.into_bytes()),
        created_at: Set(moment.now),
        ..Default::default()
    };
    claim_set::Entity::insert(row)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    find_claim_set(tx, license, product)
        .await?
        .ok_or(Failure::Corrupt("claim set"))
}

pub(crate) async fn find_claim_set(
    db: &impl ConnectionTrait,
    license: &license::Model,
    product: &product::Model,
) -> Result<Option<i64>, Failure> {
    let id = claim_set::Entity::find()
        .select_only()
        .column(claim_set::Column::Id)
        .filter(claim_set::Column::LicenseId.eq(license.id))
        .filter(claim_set::Column::LicenseVersion.eq(license.version))
        .filter(claim_set::Column::CatalogueRevision.eq(product.catalogue_revision))
        .into_tuple()
        .one(db)
        .await?;
    Ok(id)
}
