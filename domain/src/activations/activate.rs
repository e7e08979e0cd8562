//! Activating a machine: for the first time, again, or after it gave its seat back.

use std::sync::Arc;

use licentia_entity::{activation, license, product};
use licentia_types::activations::{ActivateRequest, ActivateResponse, HeartbeatTerms};
use licentia_types::licenses::LicenseStatus;
use licentia_types::seats::Seats as SeatCount;
use licentia_types::tiers::ActivationModel;
use licentia_types::time::Timestamp;
use licentia_types::tokens::ClaimSet;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::json;

use super::binding::{Binding, Rebound, parse_key};
use super::error::ActivationError;
use super::identify::{Coming, identify};
use super::render;
use super::rules::hold_lease;
use super::seats::Seats;
use crate::actors::{Actor, Caller};
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::events::Kind;
use crate::failure::Failure;
use crate::heartbeats::chain::Chain;
use crate::licenses::{self, terms};
use crate::refusals::{Call, Operation};
use crate::signing_keys::SigningKey;
use crate::tiers::{Limits, Times};
use crate::tokens::{self, Bearer, Entitlements, Recipient, Window};
use crate::{audit, catalog, events, products, releases, status_lists};

/// A machine that was activated.
pub struct Activated {
    /// The answer.
    pub response: ActivateResponse,
    /// Whether it took a seat that it did not have.
    pub created: bool,
}

impl std::fmt::Debug for Activated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Activated").field("created", &self.created).finish_non_exhaustive()
    }
}

/// Binds a machine to a seat of the licence whose key it knows, and gives it a token.
///
/// # Errors
/// When the key is unknown, the licence is worth nothing, or no seat is free.
pub async fn activate(
    ctx: &Context,
    caller: &Caller,
    request: ActivateRequest,
) -> Result<Activated, ActivationError> {
    let mut call = Call::of(Operation::Activate, caller);
    call.fingerprint = Some(request.fingerprint.clone());
    call.hostname.clone_from(&request.hostname);
    call.product_version.clone_from(&request.product_version);
    let outcome = Box::pin(bind(ctx, caller, request, &mut call)).await;
    call.ended(ctx, &outcome);
    outcome
}

async fn bind(
    ctx: &Context,
    caller: &Caller,
    request: ActivateRequest,
    call: &mut Call,
) -> Result<Activated, ActivationError> {
    let moment = ctx.moment();
    let key = parse_key(&request.license_key)?;
    let binding = Binding::parse(&request)?;
    let key_digest = licenses::keys::digest(ctx, &key);
    let signing_key = ctx.token_key(moment.now).await?;

    let held = Box::pin(licenses::first_activation::hold(ctx, &key_digest, moment.now)).await?;
    let (tx, opening) = held.ok_or(ActivationError::KeyUnknown)?;
    let license = opening.license.clone();
    call.concerns(license.id);
    let caller = caller.acting_as(Actor::Machine(license.id));
    let grant = Grant::of(ctx, &tx, &license, moment.now).await?;
    // Seats whose time has come are freed first: one of them may be this machine's own.
    let mut seats = Seats::of(&tx, moment, license, grant.limits).await?;
    let (mut machine, coming) = identify(ctx, &tx, &moment, seats.license(), &request).await?;
    grant.expect_told_apart(&request, coming)?;
    if !coming.may_bind() {
        binding.expect_unchanged(&machine)?;
    }
    let rebound = binding.apply(&tx, &mut machine, moment.now).await?;
    machine.environment = request.environment.clone().or_else(|| machine.environment.take());
    grant.take_place(&mut seats, &mut machine, coming, rebound).await?;
    if coming.takes_seat() {
        status_lists::take_place(&tx, &mut machine, moment.now).await?;
    } else {
        status_lists::end_former_places(&tx, [&mut machine], moment.now).await?;
    }
    refresh(&mut machine, &request, &caller, moment.now);
    hold_lease(&mut machine, grant.activation_model, grant.times, moment.now);

    machine.claim_set_id =
        tokens::keep_claim_set(&tx, ctx, &moment, seats.license(), &grant.product, &grant.claim_set).await?;
    machine.kid = signing_key.kid().to_owned();
    machine.token_iat = grant.window.issued;
    machine.token_exp = grant.window.expires;
    let machine = write(&tx, machine, coming).await?;
    record(&tx, &moment, &caller, &machine, seats.license(), coming).await?;
    let recipient = Recipient::of(ctx, &tx, &machine).await?;
    let seats = seats.count();
    releases::see(&tx, grant.product.id, request.product_version.as_ref(), moment.now).await?;
    Box::pin(opening.settle(ctx, &tx, &moment, &caller, &request.fingerprint)).await?;
    tx.commit().await?;

    signing_key.reserve(&ctx.db, grant.window.stale_until).await?;
    let response = grant.answer(ctx, &moment, (machine, seats), &signing_key, recipient.as_ref())?;
    Ok(Activated { response, created: coming.takes_seat() })
}

/// What a licence grants to a machine that comes now.
struct Grant {
    product: product::Model,
    limits: Limits,
    times: Times,
    activation_model: ActivationModel,
    claim_set: Arc<ClaimSet>,
    window: Window,
}

impl Grant {
    async fn of(
        ctx: &Context,
        tx: &WriteTx,
        license: &license::Model,
        now: Timestamp,
    ) -> Result<Self, ActivationError> {
        // Held as it is, so that the claim set is filed under the catalogue that it was made from.
        let product = products::store::find_unchanging(tx, license.product_id).await?;
        let product = product.ok_or(Failure::Corrupt("product"))?;
        let catalogue = catalog::of_product(ctx, tx, &product).await?;
        let entitlements = terms::entitlements(ctx, &catalogue, license)?;
        Ok(Self {
            window: open_window(ctx, license, &entitlements, now)?,
            claim_set: Arc::new(entitlements.claim_set(&ctx.settings.issuer, license, &product)),
            limits: entitlements.limits,
            times: entitlements.times,
            activation_model: entitlements.activation_model,
            product,
        })
    }

    /// Replicas that share a fingerprint are told apart on floating licences only. Those that were
    /// there when their licence became node-locked stay.
    fn expect_told_apart(&self, request: &ActivateRequest, coming: Coming) -> Result<(), ActivationError> {
        let node_locked = self.activation_model == ActivationModel::NodeLocked;
        if request.instance.is_some() && node_locked && coming.takes_seat() {
            return Err(ActivationError::InstanceNodeLocked);
        }
        Ok(())
    }

    /// The seat transaction's heart: the machine has a place afterwards, or nothing happened.
    async fn take_place(
        &self,
        seats: &mut Seats<'_>,
        machine: &mut activation::Model,
        coming: Coming,
        rebound: Rebound,
    ) -> Result<(), ActivationError> {
        let seated = seats.settle(machine, &self.claim_set.free_environments).await? || coming.takes_seat();
        // Whoever keeps seat, user and tenant keeps them, even below a limit that was lowered.
        if machine.holds_seat && (seated || rebound.user) {
            seats.admit_user(machine).await?;
        }
        if machine.holds_seat && (seated || rebound.tenant) {
            seats.admit_tenant(machine).await?;
        }
        Ok(())
    }

    /// Signs, after the commit.
    fn answer(
        self,
        ctx: &Context,
        moment: &Moment<'_>,
        (machine, seats): (activation::Model, SeatCount),
        signing_key: &SigningKey,
        recipient: Option<&Recipient>,
    ) -> Result<ActivateResponse, ActivationError> {
        let nonce = Chain::of(&machine)?.nonce();
        let claims = tokens::claims(ctx, self.claim_set, self.window, Bearer { activation: &machine, nonce });
        let packed = tokens::mint(signing_key, self.product.token_typ, &claims, recipient)?;
        Ok(ActivateResponse {
            token: packed.token,
            token_type: packed.token_type,
            expires_at: self.window.expires,
            nonce: ctx.secrets.nonces.mint(machine.id.uuid().as_bytes(), nonce),
            heartbeat: HeartbeatTerms {
                required: claims.set.heartbeat_required,
                interval_seconds: claims.set.heartbeat_interval,
            },
            refresh_after: self.window.refresh_after,
            stale_until: self.window.stale_until,
            seats,
            activation: render(machine, moment.now),
        })
    }
}

/// Only a licence that is worth a token lets a machine in.
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

/// What a machine tells of itself each time.
fn refresh(machine: &mut activation::Model, request: &ActivateRequest, caller: &Caller, now: Timestamp) {
    machine.hostname = request.hostname.clone().or_else(|| machine.hostname.take());
    machine.product_version = request.product_version.clone().or_else(|| machine.product_version.take());
    machine.ip = caller.ip.map(|ip| ip.to_string());
    machine.previous_contact_at = machine.last_contact_at;
    machine.last_contact_at = now;
    machine.updated_at = now;
    machine.version += 1;
}

async fn write(
    tx: &WriteTx,
    machine: activation::Model,
    coming: Coming,
) -> Result<activation::Model, Failure> {
    let row = machine.into_active_model().reset_all();
    Ok(match coming {
        Coming::First => row.insert(tx).await?,
        Coming::Awaited | Coming::Again { .. } | Coming::Returning { .. } => row.update(tx).await?,
    })
}

async fn record(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    machine: &activation::Model,
    license: &license::Model,
    coming: Coming,
) -> Result<(), Failure> {
    let (action, detail) = match coming {
        Coming::First => ("activation.created", json!({"epoch": machine.epoch})),
        Coming::Awaited => ("activation.taken_up", json!({"epoch": machine.epoch})),
        Coming::Again { proven } => {
            ("activation.repeated", json!({"epoch": machine.epoch, "proven": proven}))
        }
        Coming::Returning { proven } => {
            ("activation.returned", json!({"epoch": machine.epoch, "proven": proven}))
        }
    };
    let event = audit::Event::new(action, &machine.id, detail).of_license(license.id);
    audit::record(tx, moment, caller, event).await?;
    if !coming.takes_seat() {
        return Ok(());
    }
    let detail = json!({"returning": coming != Coming::First, "freeEnvironment": machine.free_environment});
    let event = events::Event::new(Kind::ActivationCreated, &machine.id, detail).of_license(license);
    events::record(tx, moment, event).await
}
