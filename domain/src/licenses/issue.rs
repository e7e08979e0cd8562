//! Issuing a licence, with a customer made on the way where one is described.

use licentia_crypto::license_keys::{KeyPrefix, LicenseKey, NativeKey};
use licentia_entity::{license, product, tier};
use licentia_types::ids::{CustomerId, LicenseId};
use licentia_types::licenses::{IssueLicenseRequest, IssuedLicenseResponse};
use licentia_types::time::Timestamp;
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel};
use serde_json::json;

use super::error::LicenseError;
use super::{keys, record, terms, view};
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::customers::{self, CustomerError};
use crate::database::{Constraint, Lane, WriteTx, violates};
use crate::failure::Failure;
use crate::products;

const KEY_TAKEN: Constraint = Constraint { name: "license_key_digest", columns: "license.key_digest" };
const ORDER_TAKEN: Constraint =
    Constraint { name: "license_source_order", columns: "license.source, license.source_order_id" };

/// Bits under which a chosen key can be guessed.
const STRONG_BITS: u32 = 80;

/// Issues a licence. The key is in the answer, and in no later one.
///
/// # Errors
/// When anything that it names is unknown or archived, or it contradicts itself.
pub async fn issue(
    ctx: &Context,
    caller: &Caller,
    command: IssueLicenseRequest,
) -> Result<IssuedLicenseResponse, LicenseError> {
    match try_issue(ctx, caller, command.clone()).await {
        // The described customer was made by somebody else at the same instant: now it is found.
        Err(LicenseError::Customer(CustomerError::ExternalIdTaken)) => try_issue(ctx, caller, command).await,
        outcome => outcome,
    }
}

async fn try_issue(
    ctx: &Context,
    caller: &Caller,
    command: IssueLicenseRequest,
) -> Result<IssuedLicenseResponse, LicenseError> {
    let moment = ctx.moment();
    if command.source_order_id.is_some() && command.source.is_none() {
        return Err(LicenseError::SourceMissing);
    }
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let product = products::store::find_unchanging(&tx, command.product_id)
        .await?
        .ok_or(LicenseError::ProductUnknown)?;
    if product.archived_at.is_some() {
        return Err(LicenseError::ProductArchived);
    }
    let tier = terms::tier_on_sale(&tx, &product, command.tier_id).await?;
    let expires_at = expiry(&command, &tier, moment.now)?;
    let key = choose_key(&command, &product, &moment)?;
    let customer_id = owner(&tx, &moment, caller, &command).await?;
    let id = LicenseId::new(moment.new_uuid()?);
    let stored = keys::store(ctx, id, &key)?;
    let license = license::Model {
        id,
        product_id: product.id,
        tier_id: tier.id,
        customer_id,
        key_digest: stored.digest,
        key_sealed: stored.sealed,
        key_masked: stored.masked,
        status: license::Status::Active,
        starts_at: moment.now,
        expires_at,
        max_activations: command.max_activations,
        max_users: command.max_users,
        max_tenants: command.max_tenants,
        features: command.features,
        seats_used: 0,
        source: command.source,
        source_order_id: command.source_order_id,
        notes: command.notes,
        metadata: command.metadata,
        revoked_at: None,
        revocation_reason: None,
        created_at: moment.now,
        updated_at: moment.now,
        version: 1,
    };
    terms::check_features(ctx, &tx, &product, &license).await?;
    let license = license.into_active_model().reset_all().insert(&tx).await.map_err(taken)?;
    let detail =
        json!({"product": license.product_id, "tier": license.tier_id, "customer": license.customer_id});
    record(&tx, &moment, caller, "license.issued", &license, detail).await?;
    // Before the commit: once the licence is there, nothing may keep its key from being shown.
    let license = view::render(ctx, &tx, license, moment.now).await?;
    tx.commit().await?;
    Ok(IssuedLicenseResponse { license, license_key: key.canonical().to_owned() })
}

fn expiry(
    command: &IssueLicenseRequest,
    tier: &tier::Model,
    now: Timestamp,
) -> Result<Option<Timestamp>, LicenseError> {
    match (command.expires_at, command.valid_days, command.billing_period) {
        (None, None, None) => Ok(None),
        (Some(at), None, None) if at > now => Ok(Some(at)),
        (Some(_), None, None) => Err(LicenseError::ExpiryPast),
        (None, Some(days @ 1..=36_500), None) => Ok(Some(now.plus_days(days))),
        (None, Some(_), None) => Err(LicenseError::ValidDays),
        (None, None, Some(period)) if tier.billing_periods.0.contains(&period) => {
            Ok(Some(now.plus_months(period.months())))
        }
        (None, None, Some(_)) => Err(LicenseError::PeriodNotSold),
        _ => Err(LicenseError::ExpiryTwice),
    }
}

fn choose_key(
    command: &IssueLicenseRequest,
    product: &product::Model,
    moment: &Moment<'_>,
) -> Result<LicenseKey, LicenseError> {
    let Some(chosen) = &command.key else {
        let prefix =
            KeyPrefix::parse(product.key_prefix.as_str()).map_err(|_| Failure::Corrupt("key prefix"))?;
        return Ok(NativeKey::from_random(&prefix, moment.random()?).into());
    };
    let key = LicenseKey::parse(chosen.expose()).map_err(|_| LicenseError::KeyMalformed)?;
    let bits = key.strength_bits();
    if bits < STRONG_BITS && !command.allow_weak_key {
        return Err(LicenseError::KeyWeak { bits });
    }
    Ok(key)
}

async fn owner(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    command: &IssueLicenseRequest,
) -> Result<Option<CustomerId>, LicenseError> {
    let scope = caller.actor.scope();
    match (command.customer_id, &command.customer) {
        (None, None) => Ok(None),
        (Some(id), None) => terms::expect_customer(tx, scope, id).await.map(Some),
        (None, Some(described)) => {
            let known = match &described.external_id {
                None => None,
                Some(external_id) => customers::store::find_by_external_id(tx, scope, external_id).await?,
            };
            match known {
                Some(known) => Ok(Some(known.id)),
                None => Ok(Some(customers::insert(tx, moment, caller, described.clone()).await?.id)),
            }
        }
        (Some(_), Some(_)) => Err(LicenseError::CustomerTwice),
    }
}

fn taken(error: DbErr) -> LicenseError {
    if violates(&error, KEY_TAKEN) {
        LicenseError::KeyTaken
    } else if violates(&error, ORDER_TAKEN) {
        LicenseError::OrderTaken
    } else {
        error.into()
    }
}
