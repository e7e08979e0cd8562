//! Features: what tiers grant. Keys never change, because programs ask for them.

use std::collections::HashSet;

use licentia_entity::feature;
use licentia_types::features::{
    CreateFeatureRequest, FeatureKind, FeatureResponse, FeatureValueType, OrderFeaturesRequest,
    UpdateFeatureRequest,
};
use licentia_types::ids::{FeatureId, ProductId};
use licentia_types::pages::PageResponse;
use licentia_types::problems::{FieldProblem, ProblemCode};
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde_json::json;

use crate::actors::Caller;
use crate::audit::Event;
use crate::catalog::{Edit, EditError, entries};
use crate::context::Context;
use crate::database::{Constraint, violates};
use crate::edits::{Edited, Intent};
use crate::failure::{Failure, failed_from};
use crate::once;
use crate::pages::{PageError, PageQuery};
use crate::refusal::Refusal;

const KEY_TAKEN: Constraint =
    Constraint { name: "feature_product_key", columns: "feature.product_id, feature.key" };

/// Why an operation on a feature was refused.
#[derive(Debug, thiserror::Error)]
pub enum FeatureError {
    /// No such feature.
    #[error("there is no such feature")]
    NotFound,
    /// Another feature of the product has the key.
    #[error("the product has a feature with this key")]
    KeyTaken,
    /// Somebody else edited it.
    #[error("the feature was changed in the meantime; its version is {current}")]
    Stale {
        /// The present version.
        current: i64,
    },
    /// A tier still names it.
    #[error("the tier {tier} names this feature; take it out there first")]
    InUse {
        /// Key of the tier.
        tier: String,
    },
    /// Display features hold nothing.
    #[error("a display feature is a switch")]
    DisplayTyped,
    /// The list is not every live feature of the product, once.
    #[error("the list must name every feature of the product that is not archived, once")]
    OrderIncomplete,
    /// The catalogue cannot be edited so.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// Our fault.
    #[error(transparent)]
    Failed(Failure),
}

failed_from!(FeatureError);

impl Refusal for FeatureError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound => ProblemCode::NotFound,
            Self::KeyTaken => ProblemCode::AlreadyExists,
            Self::Stale { .. } => ProblemCode::VersionStale,
            Self::InUse { .. } => ProblemCode::InUse,
            Self::DisplayTyped | Self::OrderIncomplete => ProblemCode::ValidationFailed,
            Self::Edit(error) => error.code(),
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::KeyTaken => vec![FieldProblem::new("/key", "TAKEN", self.to_string())],
            Self::DisplayTyped => vec![FieldProblem::new("/valueType", "INVALID", self.to_string())],
            Self::OrderIncomplete => vec![FieldProblem::new("/ids", "INVALID", self.to_string())],
            Self::Edit(error) => error.fields(),
            _ => Vec::new(),
        }
    }
}

/// A feature as the API shows it.
#[must_use]
pub fn render(feature: feature::Model) -> FeatureResponse {
    FeatureResponse {
        id: feature.id,
        product_id: feature.product_id,
        key: feature.key,
        name: feature.name,
        description: feature.description,
        kind: feature.kind,
        value_type: feature.value_type,
        sort_order: feature.sort_order,
        archived_at: feature.archived_at,
        created_at: feature.created_at,
        updated_at: feature.updated_at,
        version: feature.version,
    }
}

/// A page of features.
///
/// # Errors
/// When a parameter is wrong.
pub async fn list(
    ctx: &Context,
    product: Option<ProductId>,
    query: &PageQuery,
) -> Result<PageResponse<FeatureResponse>, PageError> {
    Ok(entries::list::<feature::Entity>(&ctx.db, product, query).await?.map(render))
}

/// One feature.
///
/// # Errors
/// When there is none.
pub async fn get(ctx: &Context, id: FeatureId) -> Result<FeatureResponse, FeatureError> {
    feature::Entity::find_by_id(id).one(&ctx.db).await?.map(render).ok_or(FeatureError::NotFound)
}

/// Makes a feature.
///
/// # Errors
/// When the product is unknown or archived, or has the key.
pub async fn create(
    ctx: &Context,
    caller: &Caller,
    intent: Intent,
    command: CreateFeatureRequest,
) -> Result<Edited<FeatureResponse>, FeatureError> {
    if command.kind == FeatureKind::Display && command.value_type != FeatureValueType::Switch {
        return Err(FeatureError::DisplayTyped);
    }
    if let Some(answer) = once::answered(caller).map_err(EditError::Failed)? {
        return Ok(Edited::Done(answer));
    }
    let edit = Edit::begin(ctx, caller, command.product_id).await?;
    edit.expect_on_sale()?;
    let last = edit.catalogue.features.iter().map(|feature| feature.sort_order).max().unwrap_or(0);
    let now = edit.moment.now;
    let row = feature::ActiveModel {
        id: Set(FeatureId::new(edit.moment.new_uuid()?)),
        product_id: Set(command.product_id),
        key: Set(command.key),
        name: Set(command.name),
        description: Set(command.description),
        kind: Set(command.kind),
        value_type: Set(command.value_type),
        sort_order: Set(command.sort_order.unwrap_or_else(|| last.saturating_add(1))),
        archived_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
        version: Set(1),
    };
    let feature = row
        .insert(&edit.tx)
        .await
        .map_err(|error| if violates(&error, KEY_TAKEN) { FeatureError::KeyTaken } else { error.into() })?;
    let event = Event::new(
        "feature.created",
        &feature.id,
        json!({"key": feature.key, "product": feature.product_id}),
    );
    let shown = render(feature);
    let foreseen = edit.coming_to(&shown)?.conclude(caller, event, intent).await?;
    Ok(Edited::of(foreseen, shown))
}

/// Edits a feature.
///
/// # Errors
/// When there is none, or the expected version is not its own.
pub async fn update(
    ctx: &Context,
    caller: &Caller,
    id: FeatureId,
    intent: Intent,
    command: UpdateFeatureRequest,
) -> Result<Edited<FeatureResponse>, FeatureError> {
    let (edit, before) = begin(ctx, caller, id, intent.expected).await?;
    let mut row = before.clone().into_active_model();
    if let Some(name) = command.name {
        row.name = Set(name);
    }
    row.description = Set(command.description.apply(before.description));
    if let Some(sort_order) = command.sort_order {
        row.sort_order = Set(sort_order);
    }
    row.updated_at = Set(edit.moment.now);
    row.version = Set(before.version + 1);
    let feature = row.update(&edit.tx).await?;
    let event = Event::new("feature.updated", &id, json!({"version": feature.version}));
    let foreseen = edit.conclude(caller, event, intent).await?;
    Ok(Edited::of(foreseen, render(feature)))
}

/// Archives a feature that no tier names any more.
///
/// # Errors
/// When there is none, the expected version is not its own, or a tier names it.
pub async fn archive(
    ctx: &Context,
    caller: &Caller,
    id: FeatureId,
    intent: Intent,
) -> Result<Edited<()>, FeatureError> {
    let (edit, before) = begin(ctx, caller, id, intent.expected).await?;
    if before.archived_at.is_some() {
        return Ok(Edited::nothing(intent));
    }
    let naming = edit
        .catalogue
        .tiers
        .iter()
        .find(|tier| tier.archived_at.is_none() && crate::tiers::names(tier, &before.key));
    if let Some(tier) = naming {
        return Err(FeatureError::InUse { tier: tier.key.to_string() });
    }
    let mut row = before.clone().into_active_model();
    row.archived_at = Set(Some(edit.moment.now));
    row.updated_at = Set(edit.moment.now);
    row.version = Set(before.version + 1);
    row.update(&edit.tx).await?;
    let foreseen = edit.conclude(caller, Event::new("feature.archived", &id, json!({})), intent).await?;
    Ok(Edited::of(foreseen, ()))
}

/// Puts all features of a product in order.
///
/// # Errors
/// When the list is not every live feature of the product, once.
pub async fn order(
    ctx: &Context,
    caller: &Caller,
    command: OrderFeaturesRequest,
) -> Result<Vec<FeatureResponse>, FeatureError> {
    let edit = Edit::begin(ctx, caller, command.product_id).await?;
    let wanted: HashSet<FeatureId> = command.ids.iter().copied().collect();
    let live: HashSet<FeatureId> = edit.catalogue.live_features().map(|feature| feature.id).collect();
    if wanted != live || wanted.len() != command.ids.len() {
        return Err(FeatureError::OrderIncomplete);
    }
    entries::set_order::<feature::Entity>(&edit.tx, &command.ids, edit.moment.now).await?;
    let features = entries::of_product::<feature::Entity>(&edit.tx, command.product_id).await?;
    edit.finish(caller, Event::new("feature.ordered", &command.product_id, json!({"ids": command.ids})))
        .await?;
    Ok(features.into_iter().filter(|feature| feature.archived_at.is_none()).map(render).collect())
}

async fn begin<'a>(
    ctx: &'a Context,
    caller: &Caller,
    id: FeatureId,
    expected: Option<i64>,
) -> Result<(Edit<'a>, feature::Model), FeatureError> {
    let product =
        feature::Entity::find_by_id(id).one(&ctx.db).await?.ok_or(FeatureError::NotFound)?.product_id;
    let edit = Edit::begin(ctx, caller, product).await?;
    let feature = edit
        .catalogue
        .features
        .iter()
        .find(|feature| feature.id == id)
        .cloned()
        .ok_or(FeatureError::NotFound)?;
    match expected {
        Some(version) if version != feature.version => Err(FeatureError::Stale { current: feature.version }),
        _ => Ok((edit, feature)),
    }
}
