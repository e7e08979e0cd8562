//! Where licences are made out: the products that are asked for, each held as it is with its
//! catalogue, read once for all licences.

use std::collections::{BTreeSet, HashMap};

use licentia_crypto::license_keys::LicenseKey;
use licentia_entity::{license, product, tier};
use licentia_types::ids::{LicenseId, ProductId};
use licentia_types::licenses::{FeatureOverrides, IssueLicenseRequest, StartsAt, Term};
use licentia_types::time::Timestamp;

use super::Draft;
use crate::catalog;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::licenses::error::LicenseError;
use crate::licenses::owners::Belonging;
use crate::licenses::{keys, terms};
use crate::products;
use crate::tiers::Catalogue;
use crate::tokens::Entitlements;

/// Bits under which a chosen key can be guessed.
const STRONG_BITS: u32 = 80;

/// Where licences are made out.
pub(crate) struct Desk<'a> {
    ctx: &'a Context,
    moment: Moment<'a>,
    offers: HashMap<ProductId, (product::Model, Catalogue)>,
}

impl<'a> Desk<'a> {
    pub(crate) async fn open(
        ctx: &'a Context,
        tx: &WriteTx,
        moment: Moment<'a>,
        wanted: impl Iterator<Item = ProductId>,
    ) -> Result<Self, Failure> {
        let wanted: BTreeSet<ProductId> = wanted.collect();
        let products = products::store::find_all_unchanging(tx, wanted.iter().copied()).await?;
        let wanted: Vec<ProductId> = wanted.into_iter().collect();
        let mut catalogues = catalog::load_all(tx, &wanted).await?;
        let offer = |product: product::Model| {
            let catalogue = catalogues.remove(&product.id).unwrap_or_default();
            (product.id, (product, catalogue))
        };
        Ok(Self { ctx, moment, offers: products.into_iter().map(offer).collect() })
    }

    /// A licence as it is asked for, when it may be issued.
    pub(super) fn draft(
        &self,
        id: LicenseId,
        owner: Belonging,
        command: IssueLicenseRequest,
    ) -> Result<Draft, LicenseError> {
        let chosen = command.key.is_some();
        let key = self.key(&command)?;
        let stored = keys::store(self.ctx, id, &key)?;
        let wanted = command.document;
        let (license, granted) = self.issued(self.moment.now, (id, owner), command, stored)?;
        let (product, _) = self.offer(license.product_id)?;
        let document = wanted.then(|| granted.claim_set(&self.ctx.settings.issuer, &license, product));
        Ok(Draft { license, key, chosen, document })
    }

    /// A licence that was issued at an instant, with its key, and what it grants.
    pub(crate) fn issued(
        &self,
        at: Timestamp,
        (id, owner): (LicenseId, Belonging),
        command: IssueLicenseRequest,
        key: keys::Stored,
    ) -> Result<(license::Model, Entitlements), LicenseError> {
        if command.source_order_id.is_some() && command.source.is_none() {
            return Err(LicenseError::SourceMissing);
        }
        let (product, catalogue) = self.offer(command.product_id)?;
        if product.archived_at.is_some() {
            return Err(LicenseError::ProductArchived);
        }
        let tier = terms::tier_on_sale(catalogue, command.tier_id)?;
        let length = Length::of(&command, tier, at)?;
        let license = self.license(at, (id, owner), command, &length, key);
        let granted = terms::checked(self.ctx, product, catalogue, &license, &FeatureOverrides::default())?;
        Ok((license, granted))
    }

    /// A product with its catalogue.
    pub(crate) fn offer(&self, product: ProductId) -> Result<&(product::Model, Catalogue), LicenseError> {
        self.offers.get(&product).ok_or(LicenseError::ProductUnknown)
    }

    /// The key that was chosen, or a new one.
    pub(crate) fn key(&self, command: &IssueLicenseRequest) -> Result<LicenseKey, LicenseError> {
        let Some(chosen) = &command.key else {
            let (product, _) = self.offer(command.product_id)?;
            return Ok(keys::make(product, &self.moment)?);
        };
        let key = LicenseKey::parse(chosen.expose()).map_err(|_| LicenseError::KeyMalformed)?;
        let bits = key.strength_bits();
        if bits < STRONG_BITS && !command.allow_weak_key {
            return Err(LicenseError::KeyWeak { bits });
        }
        Ok(key)
    }

    fn license(
        &self,
        issued_at: Timestamp,
        (id, owner): (LicenseId, Belonging),
        command: IssueLicenseRequest,
        length: &Length,
        stored: keys::Stored,
    ) -> license::Model {
        license::Model {
            id,
            product_id: command.product_id,
            tier_id: command.tier_id,
            customer_id: owner.customer,
            group_id: owner.group,
            group_since: None,
            key_digest: stored.digest,
            key_sealed: stored.sealed,
            key_masked: stored.masked,
            status: license::Status::Active,
            starts_at: issued_at,
            awaits_start: command.starts_at == StartsAt::FirstActivation,
            expires_at: length.expires_at,
            term_days: length.days(),
            term_months: length.months(),
            updates_until: command.updates_until,
            trial: command.trial,
            first_activated_at: None,
            max_activations: command.max_activations,
            max_users: command.max_users,
            max_tenants: command.max_tenants,
            features: command.features,
            seats_used: 0,
            source: command.source,
            source_order_id: command.source_order_id,
            notes: command.notes,
            metadata: command.metadata,
            suspended_at: None,
            suspension_reason: None,
            revoked_at: None,
            revoked_by: None,
            revocation_reason: None,
            grace_until: None,
            superseded_by: None,
            created_at: issued_at,
            updated_at: self.moment.now,
            version: 1,
        }
    }
}

/// How long a licence is good for.
struct Length {
    term: Option<Term>,
    /// None: never, or counted when its time begins.
    expires_at: Option<Timestamp>,
}

impl Length {
    fn of(command: &IssueLicenseRequest, tier: &tier::Model, now: Timestamp) -> Result<Self, LicenseError> {
        let (term, fixed) = match (command.expires_at, command.valid_days, command.billing_period) {
            (None, None, None) => (None, None),
            (Some(at), None, None) if at > now => (None, Some(at)),
            (Some(_), None, None) => return Err(LicenseError::ExpiryPast),
            (None, Some(days), None) => (Some(terms::term_of_days(days)?), None),
            (None, None, Some(period)) => (Some(terms::term_of_period(tier, period)?), None),
            _ => return Err(LicenseError::ExpiryTwice),
        };
        if command.trial && command.expires_at.is_none() && command.valid_days.is_none() {
            return Err(LicenseError::TrialEndless);
        }
        let counted = match command.starts_at {
            StartsAt::Issue => term.map(|term| term.after(now)),
            StartsAt::FirstActivation => None,
        };
        Ok(Self { term, expires_at: fixed.or(counted) })
    }

    fn days(&self) -> Option<i32> {
        match self.term {
            Some(Term::Days(days)) => i32::try_from(days).ok(),
            Some(Term::Months(_)) | None => None,
        }
    }

    fn months(&self) -> Option<i32> {
        match self.term {
            Some(Term::Months(months)) => i32::try_from(months).ok(),
            Some(Term::Days(_)) | None => None,
        }
    }
}
