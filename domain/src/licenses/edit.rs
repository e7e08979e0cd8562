//! Editing a licence: its members, its tier, its own features. Each edit can be tried first.

use licentia_entity::{license, product};
use licentia_types::change::Change;
use licentia_types::ids::{CustomerId, GroupId, LicenseId};
use licentia_types::impact::ImpactResponse;
use licentia_types::licenses::{ChangeFeaturesRequest, LicenseResponse, UpdateLicenseRequest};
use licentia_types::text::Key;
use serde_json::{Map, Value, json};

use super::error::LicenseError;
use super::owners::Belonging;
use super::{Told, feature_changes, lifecycle, locked, terms, view, write};
use crate::actors::Caller;
use crate::catalog::{self, Impact};
use crate::context::{Context, Moment};
use crate::customers::Owner;
use crate::database::WriteTx;
use crate::edits::{Edited, Intent};
use crate::events::Kind;
use crate::failure::Failure;
use crate::groups::{self, Placing};
use crate::tiers::Catalogue;
use crate::{once, products};

/// Edits a licence. Its machines learn of it at their next heartbeat.
///
/// # Errors
/// When there is none, the expected version is not its own, it was revoked, or the edit does not
/// fit.
pub async fn update(
    ctx: &Context,
    caller: &Caller,
    id: LicenseId,
    intent: Intent,
    command: UpdateLicenseRequest,
) -> Result<Edited<LicenseResponse>, LicenseError> {
    let edit = LicenseEdit::begin(ctx, caller, id, intent, command.customer_id).await?;
    let after = edit.edited(caller, command).await?;
    edit.finish(caller, after, intent, "license.updated").await
}

/// Changes a licence's own features bit by bit. What it has already changes nothing.
///
/// # Errors
/// When there is none, the expected version is not its own, it was revoked, or the change
/// contradicts itself or does not fit.
pub async fn change_features(
    ctx: &Context,
    caller: &Caller,
    id: LicenseId,
    intent: Intent,
    command: ChangeFeaturesRequest,
) -> Result<Edited<LicenseResponse>, LicenseError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(Edited::Done(answer));
    }
    let edit = LicenseEdit::begin(ctx, caller, id, intent, None).await?;
    edit.change_features(caller, intent, command).await.map_err(LicenseError::of_features)
}

/// An edit of one licence under way: its row is held, and its product as it is.
struct LicenseEdit<'a> {
    ctx: &'a Context,
    moment: Moment<'a>,
    tx: WriteTx,
    before: license::Model,
    /// The customer that is named, if there is one.
    claimant: Option<Owner>,
    product: product::Model,
    catalogue: Catalogue,
}

impl<'a> LicenseEdit<'a> {
    async fn begin(
        ctx: &'a Context,
        caller: &Caller,
        id: LicenseId,
        intent: Intent,
        customer: Option<CustomerId>,
    ) -> Result<Self, LicenseError> {
        let moment = ctx.moment();
        let tx = once::begin(ctx, caller).await?;
        // Customers are held before licences, as by whoever moves a customer.
        let claimant = match customer {
            None => None,
            Some(customer) => terms::find_owner(&tx, caller.actor.scope(), customer).await?,
        };
        let before = locked(&tx, caller.actor.scope(), id, intent.expected).await?;
        let product = products::store::find_unchanging(&tx, before.product_id).await?;
        let product = product.ok_or(Failure::Corrupt("product"))?;
        let catalogue = catalog::load(&tx, product.id).await?;
        Ok(Self { ctx, moment, tx, before, claimant, product, catalogue })
    }

    /// The licence as the edit wants it.
    async fn edited(
        &self,
        caller: &Caller,
        command: UpdateLicenseRequest,
    ) -> Result<license::Model, LicenseError> {
        let before = lifecycle::edited(self.before.clone(), self.moment.now)?;
        let belonging = self.belonging(caller, command.customer_id, command.group_id).await?;
        match command.expires_at {
            Change::Set(at) if at <= self.moment.now => return Err(LicenseError::ExpiryPast),
            Change::Clear if before.trial && !ends_by_term(&before) => {
                return Err(LicenseError::TrialEndless);
            }
            Change::Set(_) | Change::Clear | Change::Keep => {}
        }
        let tier_id = match command.tier_id {
            Some(other) if other != before.tier_id => terms::tier_on_sale(&self.catalogue, other)?.id,
            Some(_) | None => before.tier_id,
        };
        let before = lifecycle::belonging(before, belonging, self.moment.now);
        Ok(license::Model {
            tier_id,
            expires_at: command.expires_at.apply(before.expires_at),
            updates_until: command.updates_until.apply(before.updates_until),
            features: command.features.unwrap_or(before.features),
            max_activations: command.max_activations.unwrap_or(before.max_activations),
            max_users: command.max_users.unwrap_or(before.max_users),
            max_tenants: command.max_tenants.unwrap_or(before.max_tenants),
            notes: command.notes.apply(before.notes),
            metadata: command.metadata.unwrap_or(before.metadata),
            ..before
        })
    }

    /// Whose it is then. One with a customer is in that one's group; one without may be moved by itself.
    async fn belonging(
        &self,
        caller: &Caller,
        customer: Option<CustomerId>,
        group: Change<GroupId>,
    ) -> Result<Belonging, LicenseError> {
        let before = &self.before;
        let owner = match (before.customer_id, customer) {
            (Some(owner), Some(other)) if owner != other => return Err(LicenseError::Owned),
            (None, None) => {
                let placing = Placing::of(&self.tx, &caller.actor, groups::named(&group)).await?;
                return Ok(Belonging { customer: None, group: placing.moved(before.group_id, group)? });
            }
            (Some(customer), _) => Owner { customer, group: before.group_id },
            (None, Some(_)) => self.claimant.ok_or(LicenseError::CustomerUnknown)?,
        };
        let there = Change::Keep == group || group.apply(None) == owner.group;
        if there { Ok(owner.into()) } else { Err(LicenseError::GroupOfCustomer) }
    }

    async fn change_features(
        self,
        caller: &Caller,
        intent: Intent,
        command: ChangeFeaturesRequest,
    ) -> Result<Edited<LicenseResponse>, LicenseError> {
        let raised = lifecycle::edited(self.before.clone(), self.moment.now)?;
        let archived = |key: &Key| {
            let mut features = self.catalogue.features.iter();
            features.any(|feature| feature.key == *key && feature.archived_at.is_some())
        };
        let features = feature_changes::changed(self.before.features.clone(), command, archived)?;
        if features == self.before.features && !intent.dry_run {
            let shown = view::render(self.ctx, &self.tx, self.before, self.moment.now).await?;
            return Ok(Edited::Done(shown));
        }
        let after = license::Model { features, ..raised };
        self.finish(caller, after, intent, "license.features_changed").await
    }

    /// Checks what the licence would grant, and writes it, or tells what that would touch.
    async fn finish(
        self,
        caller: &Caller,
        after: license::Model,
        intent: Intent,
        action: &'static str,
    ) -> Result<Edited<LicenseResponse>, LicenseError> {
        if after.features != self.before.features || after.tier_id != self.before.tier_id {
            terms::checked(self.ctx, &self.product, &self.catalogue, &after, &self.before.features)?;
        }
        if intent.dry_run {
            return Ok(Edited::Foreseen(self.foresee(&after).await?));
        }
        let event = (members(&self.before) != members(&after)).then_some(Kind::LicenseChanged);
        let told = Told { action, event, detail: differences(&self.before, &after) };
        let license = write(&self.tx, &self.moment, caller, after, told).await?;
        let shown = view::render(self.ctx, &self.tx, license, self.moment.now).await?;
        once::commit(self.ctx, &self.moment, caller, self.tx, &shown).await?;
        Ok(Edited::Done(shown))
    }

    async fn foresee(&self, after: &license::Model) -> Result<ImpactResponse, Failure> {
        let entitlements = |license| terms::entitlements(self.ctx, &self.catalogue, license);
        let machines = catalog::active_machines(&self.tx, self.before.id).await?;
        let before = entitlements(&self.before)?;
        Ok(Impact::of_license((&self.before, &before), (after, &entitlements(after)?), machines))
    }
}

/// Whether its end is still to be counted, from its first activation.
fn ends_by_term(license: &license::Model) -> bool {
    license.awaits_start && terms::own_term(license).is_some()
}

/// The members that differ, before and after; of what people wrote, only that it differs.
fn differences(before: &license::Model, after: &license::Model) -> Value {
    let (mut old, mut new) = (members(before), members(after));
    // No token says where it is.
    old.insert("group".to_owned(), json!(before.group_id));
    new.insert("group".to_owned(), json!(after.group_id));
    old.retain(|name, value| new.get(name) != Some(value));
    new.retain(|name, _| old.contains_key(name));
    let written: Vec<&str> =
        [("notes", before.notes != after.notes), ("metadata", before.metadata != after.metadata)]
            .into_iter()
            .filter_map(|(name, differs)| differs.then_some(name))
            .collect();
    json!({"version": after.version, "before": old, "after": new, "rewritten": written})
}

fn members(license: &license::Model) -> Map<String, Value> {
    let members = json!({
        "tier": license.tier_id,
        "customer": license.customer_id,
        "expiresAt": license.expires_at,
        "updatesUntil": license.updates_until,
        "features": license.features,
        "maxActivations": license.max_activations,
        "maxUsers": license.max_users,
        "maxTenants": license.max_tenants,
    });
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
