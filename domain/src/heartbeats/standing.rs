//! What a heartbeat is judged by, as it was read without a transaction.

use licentia_entity::{activation, license, product};
use licentia_types::activations::ActivationStatus;
use licentia_types::heartbeats::HeartbeatRequest;

use super::error::HeartbeatError;
use super::worth::Worth;
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::failure::Failure;
use crate::licenses::{self, terms};
use crate::refusals::Call;
use crate::scope::Scope;
use crate::tokens::Entitlements;
use crate::{activations, catalog, products};

/// What a heartbeat is judged by, as it was read.
pub(super) struct Standing {
    pub(super) machine: activation::Model,
    pub(super) license: license::Model,
    pub(super) product: product::Model,
    pub(super) entitlements: Entitlements,
    pub(super) worth: Worth,
}

impl Standing {
    pub(super) async fn load(
        ctx: &Context,
        caller: &Caller,
        moment: &Moment<'_>,
        request: &HeartbeatRequest,
        call: &mut Call,
    ) -> Result<Self, HeartbeatError> {
        let scope = caller.actor.scope();
        let machine = activations::store::find(&ctx.db, scope, request.activation_id)
            .await?
            .ok_or(HeartbeatError::NotFound)?;
        call.made_by(&machine);
        if machine.fingerprint != request.fingerprint {
            return Err(HeartbeatError::FingerprintMismatch);
        }
        match machine.status {
            ActivationStatus::Active | ActivationStatus::Lapsed | ActivationStatus::Revoked => {}
            ActivationStatus::Deactivated => return Err(HeartbeatError::Deactivated),
        }
        let license = licenses::store::find(&ctx.db, Scope::License(machine.license_id), machine.license_id)
            .await?
            .ok_or(Failure::Corrupt("licence"))?;
        let product = products::store::get(&ctx.db, license.product_id).await?;
        let catalogue = catalog::load(&ctx.db, product.id).await?;
        let entitlements = terms::entitlements(ctx, &catalogue, &license)?;
        let worth = Worth::of(&license, &machine, entitlements.times, moment.now, ctx.settings.backdate);
        Ok(Self { machine, license, product, entitlements, worth })
    }
}
