//! What a licence is worth to a machine that comes: what it grants, for how long, and a place.

use std::sync::Arc;

use licentia_entity::{activation, license};
use licentia_types::activations::ActivateRequest;
use licentia_types::licenses::LicenseStatus;
use licentia_types::tiers::ActivationModel;
use licentia_types::time::Timestamp;

use super::binding::Rebound;
use super::error::ActivationError;
use super::identify::Coming;
use super::rules::hold_lease;
use super::seats::Seats;
use crate::context::Context;
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::licenses::grants::Granted;
use crate::signing_keys::SigningKey;
use crate::tiers::Limits;
use crate::tokens::{self, Entitlements, Window};
use crate::{catalog, licenses, products};

/// What a licence grants to a machine that comes now.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) granted: Arc<Granted>,
    pub(super) window: Window,
}

impl Grant {
    pub(super) async fn of(
        ctx: &Context,
        tx: &WriteTx,
        license: &license::Model,
        now: Timestamp,
    ) -> Result<Self, ActivationError> {
        // Held as it is, so that the claim set is filed under the catalogue that it was made from.
        let product = products::store::find_unchanging(tx, license.product_id).await?;
        let product = product.ok_or(Failure::Corrupt("product"))?;
        let catalogue = catalog::of_product(ctx, tx, &product).await?;
        let granted = Granted::of(ctx, license.clone(), product, &catalogue)?;
        Self::at(ctx, Arc::new(granted), now)
    }

    /// Only a licence that is worth a token lets a machine in.
    pub(super) fn at(ctx: &Context, granted: Arc<Granted>, now: Timestamp) -> Result<Self, ActivationError> {
        let window = open_window(ctx, &granted.license, &granted.entitlements, now)?;
        Ok(Self { granted, window })
    }

    pub(super) fn limits(&self) -> Limits {
        self.granted.entitlements.limits
    }

    /// Notes on the machine's row which token it will be given, and for how long it has its seat.
    pub(super) fn promise(&self, machine: &mut activation::Model, signing_key: &SigningKey, now: Timestamp) {
        let entitlements = &self.granted.entitlements;
        hold_lease(machine, entitlements.activation_model, entitlements.times, now);
        signing_key.kid().clone_into(&mut machine.kid);
        machine.token_iat = self.window.issued;
        machine.token_exp = self.window.expires;
    }

    /// Replicas that share a fingerprint are told apart on floating licences only. Those that were
    /// there when their licence became node-locked stay.
    pub(super) fn expect_told_apart(
        &self,
        request: &ActivateRequest,
        coming: Coming,
    ) -> Result<(), ActivationError> {
        let node_locked = self.granted.entitlements.activation_model == ActivationModel::NodeLocked;
        if request.instance.is_some() && node_locked && coming.takes_seat() {
            return Err(ActivationError::InstanceNodeLocked);
        }
        Ok(())
    }

    /// The seat transaction's heart: the machine has a place afterwards, or nothing happened.
    pub(super) async fn take_place(
        &self,
        seats: &mut Seats<'_>,
        machine: &mut activation::Model,
        coming: Coming,
        rebound: Rebound,
    ) -> Result<(), ActivationError> {
        let seated =
            seats.settle(machine, &self.granted.claim_set.free_environments).await? || coming.takes_seat();
        // Whoever keeps seat, user and tenant keeps them, even below a limit that was lowered.
        if machine.holds_seat && (seated || rebound.user) {
            seats.admit_user(machine).await?;
        }
        if machine.holds_seat && (seated || rebound.tenant) {
            seats.admit_tenant(machine).await?;
        }
        Ok(())
    }
}

fn open_window(
    ctx: &Context,
    license: &license::Model,
    entitlements: &Entitlements,
    now: Timestamp,
) -> Result<Window, ActivationError> {
    match licenses::status(license, now) {
        LicenseStatus::Revoked => return Err(ActivationError::LicenseRevoked),
        LicenseStatus::Suspended => return Err(ActivationError::LicenseSuspended),
        LicenseStatus::Active | LicenseStatus::Expired => {}
    }
    let end = tokens::license_end(license.expires_at, entitlements.times);
    Window::at(now, entitlements.times, end, ctx.settings.backdate).ok_or(ActivationError::LicenseExpired)
}
