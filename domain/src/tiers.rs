//! Pricing tiers, inherited through the tier that each includes.

use std::collections::HashSet;

use licentia_entity::tier;
use licentia_types::features::FeatureSelector;
use licentia_types::ids::{ProductId, TierId};
use licentia_types::pages::PageResponse;
use licentia_types::text::Key;
use licentia_types::tiers::{
    CreateTierRequest, OrderTiersRequest, ResolvedTierResponse, TierResponse, UpdateTierRequest,
};
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde_json::json;

use crate::actors::Caller;
use crate::audit::Event;
use crate::catalog::{Edit, EditError, entries};
use crate::context::Context;
use crate::database::{Constraint, violates};
use crate::edits::{Edited, Intent};
use crate::once;
use crate::pages::{PageError, PageQuery};

use check::check;
pub use error::TierError;
pub use resolve::{Catalogue, Grant, Limits, ResolveError, ResolvedTier, Times};
pub use view::{render, render_grants};

mod check;
mod drafts;
mod error;
mod resolve;
mod view;

const KEY_TAKEN: Constraint = Constraint { name: "tier_product_key", columns: "tier.product_id, tier.key" };

/// Whether a tier names a feature itself.
pub(crate) fn names(tier: &tier::Model, key: &Key) -> bool {
    tier.features.0.contains(&FeatureSelector::One(key.clone())) || tier.feature_values.0.contains_key(key)
}

/// A page of tiers.
///
/// # Errors
/// When a parameter is wrong.
pub async fn list(
    ctx: &Context,
    product: Option<ProductId>,
    query: &PageQuery,
) -> Result<PageResponse<TierResponse>, PageError> {
    Ok(entries::list::<tier::Entity>(&ctx.db, product, query).await?.map(render))
}

/// One tier, as it is written down.
///
/// # Errors
/// When there is none.
pub async fn get(ctx: &Context, id: TierId) -> Result<TierResponse, TierError> {
    tier::Entity::find_by_id(id).one(&ctx.db).await?.map(render).ok_or(TierError::NotFound)
}

/// One tier with all that it includes.
///
/// # Errors
/// When there is none.
pub async fn resolved(ctx: &Context, id: TierId) -> Result<ResolvedTierResponse, TierError> {
    let tier = tier::Entity::find_by_id(id).one(&ctx.db).await?.ok_or(TierError::NotFound)?;
    let catalogue = crate::catalog::load(&ctx.db, tier.product_id).await.map_err(TierError::Failed)?;
    let resolved = catalogue.resolve(id, &ctx.settings).map_err(EditError::Resolve)?;
    Ok(view::render_resolved(id, &catalogue, resolved))
}

/// Makes a tier.
///
/// # Errors
/// When the product is unknown or archived, has the key, or the tier does not fit in its catalogue.
pub async fn create(
    ctx: &Context,
    caller: &Caller,
    command: CreateTierRequest,
) -> Result<TierResponse, TierError> {
    if let Some(answer) = once::answered(caller).map_err(EditError::Failed)? {
        return Ok(answer);
    }
    let edit = Edit::begin(ctx, caller, command.product_id).await?;
    edit.expect_on_sale()?;
    let last = edit.catalogue.tiers.iter().map(|tier| tier.sort_order).max().unwrap_or(0);
    let tier = drafts::new(&edit.moment, command, last.saturating_add(1))?;
    check(&edit.catalogue, &tier)?;
    let inserted = tier.into_active_model().reset_all().insert(&edit.tx).await;
    let tier = inserted
        .map_err(|error| if violates(&error, KEY_TAKEN) { TierError::KeyTaken } else { error.into() })?;
    let detail = json!({"key": tier.key, "product": tier.product_id});
    let event = Event::new("tier.created", &tier.id, detail);
    let shown = render(tier);
    edit.coming_to(&shown)?.finish(caller, event).await?;
    Ok(shown)
}

/// Edits a tier; licences at it, and at every tier that includes it, change with it.
///
/// # Errors
/// When there is none, `expected` is not its version, or it would not fit in its catalogue.
pub async fn update(
    ctx: &Context,
    caller: &Caller,
    id: TierId,
    intent: Intent,
    command: UpdateTierRequest,
) -> Result<Edited<TierResponse>, TierError> {
    let (edit, before) = begin(ctx, caller, id, intent.expected).await?;
    let mut tier = drafts::edited(before, command);
    tier.updated_at = edit.moment.now;
    tier.version += 1;
    check(&edit.catalogue, &tier)?;
    let tier = tier.into_active_model().reset_all().update(&edit.tx).await?;
    let event = Event::new("tier.updated", &id, json!({"version": tier.version}));
    let foreseen = edit.conclude(caller, event, intent).await?;
    Ok(Edited::of(foreseen, render(tier)))
}

/// Archives a tier that no other tier includes or degrades to: no licence is issued at it any more.
///
/// # Errors
/// When there is none, `expected` is not its version, or a tier needs it.
pub async fn archive(
    ctx: &Context,
    caller: &Caller,
    id: TierId,
    intent: Intent,
) -> Result<Edited<()>, TierError> {
    let (edit, before) = begin(ctx, caller, id, intent.expected).await?;
    if before.archived_at.is_some() {
        return Ok(Edited::nothing(intent));
    }
    let mut live = edit.catalogue.tiers.iter().filter(|tier| tier.archived_at.is_none());
    let needs = |tier: &&tier::Model| {
        tier.id != id && (tier.includes_tier_id == Some(id) || tier.degrade_to_tier_id == Some(id))
    };
    if let Some(tier) = live.find(needs) {
        return Err(TierError::InUse { tier: tier.key.to_string() });
    }
    let mut row = before.clone().into_active_model();
    row.archived_at = Set(Some(edit.moment.now));
    row.updated_at = Set(edit.moment.now);
    row.version = Set(before.version + 1);
    row.update(&edit.tx).await?;
    let foreseen = edit.conclude(caller, Event::new("tier.archived", &id, json!({})), intent).await?;
    Ok(Edited::of(foreseen, ()))
}

/// Puts all tiers of a product in order.
///
/// # Errors
/// When the list is not every live tier of the product, once.
pub async fn order(
    ctx: &Context,
    caller: &Caller,
    command: OrderTiersRequest,
) -> Result<Vec<TierResponse>, TierError> {
    let edit = Edit::begin(ctx, caller, command.product_id).await?;
    let live = |tier: &&tier::Model| tier.archived_at.is_none();
    let wanted: HashSet<TierId> = command.ids.iter().copied().collect();
    let present: HashSet<TierId> = edit.catalogue.tiers.iter().filter(live).map(|tier| tier.id).collect();
    if wanted != present || wanted.len() != command.ids.len() {
        return Err(TierError::OrderIncomplete);
    }
    entries::set_order::<tier::Entity>(&edit.tx, &command.ids, edit.moment.now).await?;
    let tiers = entries::of_product::<tier::Entity>(&edit.tx, command.product_id).await?;
    edit.finish(caller, Event::new("tier.ordered", &command.product_id, json!({"ids": command.ids}))).await?;
    Ok(tiers.into_iter().filter(|tier| tier.archived_at.is_none()).map(render).collect())
}

async fn begin<'a>(
    ctx: &'a Context,
    caller: &Caller,
    id: TierId,
    expected: Option<i64>,
) -> Result<(Edit<'a>, tier::Model), TierError> {
    let product = tier::Entity::find_by_id(id).one(&ctx.db).await?.ok_or(TierError::NotFound)?.product_id;
    let edit = Edit::begin(ctx, caller, product).await?;
    let tier = edit.catalogue.tiers.iter().find(|tier| tier.id == id).cloned().ok_or(TierError::NotFound)?;
    match expected {
        Some(version) if version != tier.version => Err(TierError::Stale { current: tier.version }),
        _ => Ok((edit, tier)),
    }
}
