//! By what a machine comes in: the licence's key, or a claim that somebody approved.

use licentia_entity::{activation, activation_claim, product};
use licentia_types::activation_claims::ActivationClaimKind;
use licentia_types::products::FirstActivation;
use licentia_types::time::Timestamp;

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
    /// A claim that was approved, and has not expired.
    Claim(&'a activation_claim::Model),
}

impl Pass<'_> {
    /// Begins the transaction, and holds the licence.
    pub(super) async fn hold(
        &self,
        ctx: &Context,
        now: Timestamp,
    ) -> Result<Option<(WriteTx, Opening)>, Failure> {
        match self {
            Self::Key(digests) => first_activation::hold(ctx, digests, now).await,
            Self::Claim(claim) => {
                let scope = Scope::License(claim.license_id);
                first_activation::hold_by_id(ctx, scope, claim.license_id, now).await
            }
        }
    }

    /// What the machine has to wait for until somebody lets it in; none: nothing.
    ///
    /// The first machine of a licence, where its product says so; and one that takes a seat over that is
    /// held, when it did so too often by key alone. Whoever returns to a seat that it gave back, or whose
    /// lease ended, takes nothing from anybody: seats and releases are limited by themselves.
    pub(super) async fn lacks(
        &self,
        tx: &WriteTx,
        now: Timestamp,
        (opens, product): (bool, &product::Model),
        (machine, coming): (&activation::Model, Coming),
    ) -> Result<Option<ActivationClaimKind>, Failure> {
        let approval = product.first_activation == FirstActivation::OwnerApproval;
        Ok(match (self, coming) {
            (Self::Key(_), Coming::First) if opens && approval => Some(ActivationClaimKind::FirstActivation),
            (Self::Key(_), Coming::Again { proven: false }) => {
                let used_up = reactivations::are_used_up(tx, machine.id, now).await?;
                used_up.then_some(ActivationClaimKind::Reactivation)
            }
            (Self::Key(_) | Self::Claim(_), _) => None,
        })
    }

    /// The machine came in by it.
    pub(super) async fn used(
        &self,
        tx: &WriteTx,
        moment: &Moment<'_>,
        caller: &Caller,
        (machine, coming): (&activation::Model, Coming),
    ) -> Result<(), Failure> {
        match (self, coming) {
            (Self::Key(_), Coming::Again { proven: false }) => {
                reactivations::note(tx, machine.id, moment.now).await
            }
            (Self::Key(_), _) => Ok(()),
            (Self::Claim(claim), _) => activation_claims::taken_up(tx, moment, caller, claim, machine).await,
        }
    }
}
