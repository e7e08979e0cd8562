//! By what a machine comes in: the licence's key, or a claim that somebody approved.

use licentia_entity::activation_claim::Decision;
use licentia_entity::{activation_claim, product};
use licentia_types::activation_claims::ActivationClaimKind;
use licentia_types::ids::ActivationId;
use licentia_types::products::FirstActivation;
use licentia_types::time::Timestamp;

use super::error::ActivationError;
use super::identify::Coming;
use super::reactivations;
use crate::activation_claims;
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::licenses::first_activation::{self, Opening};
use crate::licenses::keys::KeyDigests;
use crate::scope::Scope;

/// What a machine shows.
pub(super) enum Pass<'a> {
    /// The licence's key.
    Key(KeyDigests),
    /// A claim that has not expired: one that was approved; or one that nobody needs to decide on any more,
    /// which is worth what the key is.
    Claim(&'a activation_claim::Model),
}

/// Who comes in by it, as it was before it was given a place.
#[derive(Clone, Copy)]
pub(super) struct Entrant<'a> {
    pub(super) machine: ActivationId,
    pub(super) coming: Coming,
    /// Whether the licence never had a machine.
    pub(super) opens: bool,
    pub(super) product: &'a product::Model,
}

impl Entrant<'_> {
    fn needs_the_owner(self) -> bool {
        let approval = self.product.first_activation == FirstActivation::OwnerApproval;
        approval && self.opens && self.coming == Coming::First
    }
}

impl Pass<'_> {
    /// Begins the transaction, and holds the licence: what it shows is good until that ends.
    pub(super) async fn hold(
        &self,
        ctx: &Context,
        now: Timestamp,
    ) -> Result<(WriteTx, Opening), ActivationError> {
        let claim = match self {
            Self::Key(digests) => {
                let held = first_activation::hold(ctx, digests, now).await?;
                return held.ok_or(ActivationError::KeyUnknown);
            }
            Self::Claim(claim) => claim,
        };
        let scope = Scope::License(claim.license_id);
        let held = first_activation::hold_by_id(ctx, scope, claim.license_id, now).await?;
        let (tx, opening) = held.ok_or(Failure::Corrupt("licence"))?;
        if activation_claims::is_rejected(&tx, claim.id).await? {
            return Err(ActivationError::ClaimRejected);
        }
        Ok((tx, opening))
    }

    /// Whether somebody looked at the machine.
    fn is_approved(&self) -> bool {
        matches!(self, Self::Claim(claim) if claim.decision == Decision::Approved)
    }

    /// What the machine has to wait for until somebody lets it in; none: nothing.
    ///
    /// The first machine of a licence, where its product says so; and one that takes a place over that is
    /// held, when it did so too often by key alone. Whoever returns to a seat that was given back, or whose
    /// lease ended, takes nothing from anybody: seats and releases are limited by themselves.
    pub(super) async fn lacks(
        &self,
        tx: &WriteTx,
        now: Timestamp,
        entrant: Entrant<'_>,
    ) -> Result<Option<ActivationClaimKind>, Failure> {
        if self.is_approved() {
            return Ok(None);
        }
        if entrant.needs_the_owner() {
            return Ok(Some(ActivationClaimKind::FirstActivation));
        }
        let waits =
            entrant.coming.takes_over() && reactivations::are_used_up(tx, entrant.machine, now).await?;
        Ok(waits.then_some(ActivationClaimKind::Reactivation))
    }

    /// The machine came in by it.
    pub(super) async fn used(
        &self,
        tx: &WriteTx,
        moment: &Moment<'_>,
        caller: &Caller,
        entrant: Entrant<'_>,
    ) -> Result<(), Failure> {
        if !self.is_approved() && entrant.coming.takes_over() {
            reactivations::note(tx, entrant.machine, moment.now).await?;
        }
        match self {
            Self::Key(_) => Ok(()),
            Self::Claim(claim) => {
                activation_claims::taken_up(tx, moment, caller, claim, entrant.machine).await
            }
        }
    }
}
