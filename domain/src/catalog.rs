//! The catalogue as a whole: the public price list, and the frame of every edit.
//!
//! An edit of a tier or feature holds its product's row, so that edits of one catalogue come one
//! after the other; before it is committed, everything that it changes is resolved again and
//! checked.

use std::collections::HashMap;
use std::sync::Arc;

use licentia_entity::{feature, product, tier};
use licentia_types::ids::ProductId;
use licentia_types::impact::ImpactResponse;
use licentia_types::licenses::FeatureOverrides;
use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::products::{CatalogProduct, CatalogResponse, CatalogTier};
use licentia_types::tiers::ActivationModel;
use sea_orm::ConnectionTrait;
use serde::Serialize;
use serde_json::Value;

use crate::actors::Caller;
use crate::audit;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::edits::Intent;
use crate::failure::{Failure, failed_from};
use crate::products::Visible;
use crate::refusal::Refusal;
use crate::tiers::{Catalogue, ResolveError};
use crate::tokens::{Entitlements, LimitOverrides, TokenTooLarge, check_size};
use crate::{events, features, licenses, once, products, tiers};

pub(crate) use impact::{Impact, active_machines};

pub(crate) mod entries;
mod impact;

/// Why the catalogue cannot be edited so.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// No such product.
    #[error("there is no such product")]
    ProductUnknown,
    /// Nothing new can be made of it.
    #[error("the product is archived")]
    ProductArchived,
    /// Tiers in a circle, or not of the same product.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// A token must outlive two heartbeats.
    #[error("in tier {tier} tokenTtl must be at least twice heartbeatInterval, which must be over 0")]
    Times {
        /// Key of the tier.
        tier: String,
    },
    /// The same for the lease of floating machines.
    #[error(
        "in tier {tier}, which is floating, lease must be at least twice heartbeatInterval, which must be over 0"
    )]
    Lease {
        /// Key of the tier.
        tier: String,
    },
    /// A lower tier is degraded to, never the same or a higher one.
    #[error("the tier {tier} would degrade to itself, or to a tier that includes it")]
    Degradation {
        /// Key of the tier.
        tier: String,
    },
    /// Over 6 KB.
    #[error("in tier {tier} {source}")]
    TokenTooLarge {
        /// Key of the tier.
        tier: String,
        /// How large.
        source: TokenTooLarge,
    },
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(EditError);

impl Refusal for EditError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::ProductUnknown
            | Self::Resolve(ResolveError::Unknown)
            | Self::Times { .. }
            | Self::Lease { .. }
            | Self::Degradation { .. } => ProblemCode::ValidationFailed,
            Self::ProductArchived => ProblemCode::ProductArchived,
            Self::Resolve(ResolveError::Cycle) => ProblemCode::TierCycle,
            Self::TokenTooLarge { .. } => ProblemCode::TokenTooLarge,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        let field = |pointer, code| vec![FieldProblem::new(pointer, code, self.to_string())];
        match self {
            Self::ProductUnknown => field("/productId", "UNKNOWN"),
            Self::Resolve(ResolveError::Unknown) => field("/includesTierId", "UNKNOWN"),
            Self::Resolve(ResolveError::Cycle) => field("/includesTierId", "INVALID"),
            Self::Times { .. } => field("/tokenTtl", "INVALID"),
            Self::Lease { .. } => {
                [field("/lease", "INVALID"), field("/heartbeatInterval", "INVALID")].concat()
            }
            Self::Degradation { .. } => field("/degradeToTierId", "INVALID"),
            _ => Vec::new(),
        }
    }
}

/// Everything that is resolved for one product.
pub(crate) async fn load(db: &impl ConnectionTrait, product: ProductId) -> Result<Catalogue, Failure> {
    Ok(Catalogue {
        tiers: entries::of_product::<tier::Entity>(db, product).await?,
        features: entries::of_product::<feature::Entity>(db, product).await?,
    })
}

/// The same for several products at once.
pub(crate) async fn load_all(
    db: &impl ConnectionTrait,
    products: &[ProductId],
) -> Result<HashMap<ProductId, Catalogue>, Failure> {
    let mut tiers = entries::by_product::<tier::Entity>(db, products).await?;
    let mut features = entries::by_product::<feature::Entity>(db, products).await?;
    let of = |id: &ProductId| {
        let tiers = tiers.remove(id).unwrap_or_default();
        (*id, Catalogue { tiers, features: features.remove(id).unwrap_or_default() })
    };
    Ok(products.iter().map(of).collect())
}

/// The catalogues that these products have: committed rows, as they are. What is not at hand is read.
pub(crate) async fn of_products<'a>(
    ctx: &Context,
    db: &impl ConnectionTrait,
    products: impl Iterator<Item = &'a product::Model> + Clone,
) -> Result<HashMap<ProductId, Arc<Catalogue>>, Failure> {
    let mut known = HashMap::new();
    let mut missing = Vec::new();
    for product in products.clone() {
        match ctx.caches.catalogues.get(&(product.id, product.catalogue_revision)) {
            Some(catalogue) => drop(known.insert(product.id, catalogue)),
            None => missing.push(product.id),
        }
    }
    if missing.is_empty() {
        return Ok(known);
    }
    let mut read = load_all(db, &missing).await?;
    for product in products {
        if let Some(catalogue) = read.remove(&product.id).map(Arc::new) {
            let name = (product.id, product.catalogue_revision);
            ctx.caches.catalogues.insert(name, Arc::clone(&catalogue));
            known.insert(product.id, catalogue);
        }
    }
    Ok(known)
}

/// The same for one product, on the connection of whoever asks.
pub(crate) async fn of_product(
    ctx: &Context,
    db: &impl ConnectionTrait,
    product: &product::Model,
) -> Result<Arc<Catalogue>, Failure> {
    let name = (product.id, product.catalogue_revision);
    if let Some(catalogue) = ctx.caches.catalogues.get(&name) {
        return Ok(catalogue);
    }
    let catalogue = Arc::new(load(db, product.id).await?);
    ctx.caches.catalogues.insert(name, Arc::clone(&catalogue));
    Ok(catalogue)
}

/// An edit of one product's catalogue under way. Dropped without [`Edit::finish`] nothing happened.
pub(crate) struct Edit<'a> {
    ctx: &'a Context,
    pub(crate) moment: Moment<'a>,
    pub(crate) tx: WriteTx,
    pub(crate) product: product::Model,
    /// As it was before the edit.
    pub(crate) catalogue: Catalogue,
    /// What a caller who asks once is given again.
    outcome: Value,
}

impl<'a> Edit<'a> {
    pub(crate) async fn begin(
        ctx: &'a Context,
        caller: &Caller,
        product: ProductId,
    ) -> Result<Self, EditError> {
        let moment = ctx.moment();
        let tx = once::begin(ctx, caller).await?;
        let product = products::store::find_locked(&tx, product).await?.ok_or(EditError::ProductUnknown)?;
        let catalogue = load(&tx, product.id).await.map_err(EditError::Failed)?;
        Ok(Self { ctx, moment, tx, product, catalogue, outcome: Value::Null })
    }

    /// The same, which comes to `outcome` when it is finished.
    pub(crate) fn coming_to(self, outcome: &impl Serialize) -> Result<Self, EditError> {
        let outcome = serde_json::to_value(outcome).map_err(|_| Failure::Corrupt("outcome"))?;
        Ok(Self { outcome, ..self })
    }

    pub(crate) fn expect_on_sale(&self) -> Result<(), EditError> {
        if self.product.archived_at.is_some() { Err(EditError::ProductArchived) } else { Ok(()) }
    }

    /// Checks what the catalogue has become, raises its revision, records `event`, commits.
    pub(crate) async fn finish(self, caller: &Caller, event: audit::Event) -> Result<(), EditError> {
        self.conclude(caller, event, Intent::default()).await?;
        Ok(())
    }

    /// The same, or only what the edit would touch, when no more is wanted.
    pub(crate) async fn conclude(
        self,
        caller: &Caller,
        event: audit::Event,
        intent: Intent,
    ) -> Result<Option<ImpactResponse>, EditError> {
        let after = load(&self.tx, self.product.id).await.map_err(EditError::Failed)?;
        self.check(&after).await?;
        if intent.dry_run {
            let sides = (&self.catalogue, &after);
            let touched = Impact::of_catalogue(&self.tx, &self.ctx.settings, self.product.id, sides);
            return touched.await.map(Some);
        }
        products::store::raise_catalogue_revision(&self.tx, self.product.id).await?;
        let edited = events::Event::of_catalogue(Some(&self.product));
        events::record(&self.tx, &self.moment, edited).await.map_err(EditError::Failed)?;
        audit::record(&self.tx, &self.moment, caller, event).await.map_err(EditError::Failed)?;
        once::commit(self.ctx, &self.moment, caller, self.tx, &self.outcome).await?;
        Ok(None)
    }

    /// Every tier, and every kind of override that a licence has, must still resolve to a token
    /// that is small enough and outlives two heartbeats.
    async fn check(&self, catalogue: &Catalogue) -> Result<(), EditError> {
        let overrides = licenses::store::distinct_feature_overrides(&self.tx, self.product.id).await?;
        for tier in &catalogue.tiers {
            let resolved = catalogue.resolve(tier.id, &self.ctx.settings)?;
            if !resolved.times.outlive_heartbeats() {
                let tier = tier.key.to_string();
                return Err(match resolved.activation_model {
                    ActivationModel::NodeLocked => EditError::Times { tier },
                    ActivationModel::Floating => EditError::Lease { tier },
                });
            }
            if catalogue.degrades_upwards(&resolved)? {
                return Err(EditError::Degradation { tier: tier.key.to_string() });
            }
            let own = std::iter::once(FeatureOverrides::default());
            let of_licenses =
                overrides.iter().filter(|(of, _)| *of == tier.id).map(|(_, features)| features.clone());
            for features in own.chain(of_licenses) {
                let entitlements =
                    Entitlements::of(catalogue, &resolved, &features, LimitOverrides::default());
                check_size(&entitlements.largest_claim_set(&self.ctx.settings.issuer, &self.product))
                    .map_err(|source| EditError::TokenTooLarge { tier: tier.key.to_string(), source })?;
            }
        }
        Ok(())
    }
}

/// Active products with their tiers and features, for everybody.
///
/// # Errors
/// When the database fails.
pub async fn catalog(ctx: &Context) -> Result<CatalogResponse, EditError> {
    let products = products::store::all_by_name(&ctx.db, Visible::Active).await?;
    let ids: Vec<ProductId> = products.iter().map(|product| product.id).collect();
    let mut catalogues = load_all(&ctx.db, &ids).await.map_err(EditError::Failed)?;
    let shown = products.into_iter().map(|product| {
        let catalogue = catalogues.remove(&product.id).unwrap_or_default();
        catalog_product(ctx, product, &catalogue)
    });
    Ok(CatalogResponse { products: shown.collect::<Result<_, _>>()? })
}

fn catalog_product(
    ctx: &Context,
    product: product::Model,
    catalogue: &Catalogue,
) -> Result<CatalogProduct, EditError> {
    let on_sale = catalogue.tiers.iter().filter(|tier| tier.archived_at.is_none());
    let tiers = on_sale
        .map(|tier| {
            let resolved = catalogue.resolve(tier.id, &ctx.settings)?;
            Ok(CatalogTier {
                resolved_features: tiers::render_grants(catalogue, &resolved),
                path: resolved.path,
                tier: tiers::render(tier.clone()),
            })
        })
        .collect::<Result<_, ResolveError>>()?;
    Ok(CatalogProduct {
        id: product.id,
        slug: product.slug,
        name: product.name,
        description: product.description,
        tiers,
        features: catalogue.live_features().cloned().map(features::render).collect(),
    })
}
