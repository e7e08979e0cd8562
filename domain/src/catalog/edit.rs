//! The frame of every edit of a catalogue: its product is held, and before the commit everything that it changes is
//! resolved again and checked.

use licentia_entity::product;
use licentia_types::ids::ProductId;
use licentia_types::impact::ImpactResponse;
use licentia_types::licenses::FeatureOverrides;
use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::tiers::ActivationModel;
use serde::Serialize;
use serde_json::Value;

use super::{Impact, load};
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::edits::Intent;
use crate::failure::{Failure, failed_from};
use crate::refusal::Refusal;
use crate::tiers::{Catalogue, ResolveError};
use crate::tokens::{Entitlements, LimitOverrides, TokenTooLarge, check_size};
use crate::{audit, events, licenses, once, products};

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
