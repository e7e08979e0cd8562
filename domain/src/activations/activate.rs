//! Activating a machine: for the first time, again, or after it gave its seat back.

use std::sync::Arc;

use licentia_entity::{activation, license};
use licentia_types::activations::{ActivateRequest, ActivateResponse, HeartbeatTerms};
use licentia_types::licenses::LicenseStatus;
use licentia_types::seats::Seats as SeatCount;
use licentia_types::tiers::ActivationModel;
use licentia_types::time::Timestamp;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::json;

use super::arrivals;
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
use crate::licenses;
use crate::licenses::grants::Granted;
use crate::licenses::keys::KeyDigests;
use crate::refusals::{Call, Operation};
use crate::signing_keys::SigningKey;
use crate::tiers::Limits;
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
    let outcome = arrive(ctx, caller, request, &mut call).await;
    call.ended(ctx, &outcome);
    outcome
}

/// Machines that come for the first time are bound together where there is nothing else to it.
async fn arrive(
    ctx: &Context,
    caller: &Caller,
    request: ActivateRequest,
    call: &mut Call,
) -> Result<Activated, ActivationError> {
    let key = parse_key(&request.license_key)?;
    let key_digest = licenses::keys::digest(ctx, &key);
    if let Some(bound) = arrivals::join(ctx, caller, &request, &key_digest.own).await? {
        return bound.activated(ctx).await;
    }
    Box::pin(bind(ctx, caller, request, key_digest, call)).await
}

async fn bind(
    ctx: &Context,
    caller: &Caller,
    request: ActivateRequest,
    key_digest: KeyDigests,
    call: &mut Call,
) -> Result<Activated, ActivationError> {
    let moment = ctx.moment();
    let binding = Binding::parse(&request)?;
    let signing_key = ctx.token_key(moment.now).await?;

    let held = Box::pin(licenses::first_activation::hold(ctx, &key_digest, moment.now)).await?;
    let (tx, opening) = held.ok_or(ActivationError::KeyUnknown)?;
    let license = opening.license.clone();
    call.concerns(license.id);
    let caller = caller.acting_as(Actor::Machine(license.id));
    let grant = Grant::of(ctx, &tx, &license, moment.now).await?;
    // Seats whose time has come are freed first: one of them may be this machine's own.
    let mut seats = Seats::of(&tx, moment, license, grant.limits()).await?;
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
    grant.promise(&mut machine, &signing_key, moment.now);
    machine.claim_set_id = tokens::keep_claim_set(&tx, ctx, &moment, &grant.granted).await?;
    let machine = write(&tx, machine, coming).await?;
    record(&tx, &moment, &caller, &machine, seats.license(), coming).await?;
    let recipient = Recipient::of(ctx, &tx, &machine).await?;
    let seats = seats.count();
    let version = request.product_version.as_ref().map(|version| (grant.granted.product.id, version));
    releases::see(&tx, version, moment.now).await?;
    Box::pin(opening.settle(ctx, &tx, &moment, &caller, &request.fingerprint)).await?;
    tx.commit().await?;
    let created = coming.takes_seat();
    Bound { now: moment.now, machine, grant, seats, signing_key, recipient, created }.activated(ctx).await
}

/// What a licence grants to a machine that comes now.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) granted: Arc<Granted>,
    pub(super) window: Window,
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
    fn expect_told_apart(&self, request: &ActivateRequest, coming: Coming) -> Result<(), ActivationError> {
        let node_locked = self.granted.entitlements.activation_model == ActivationModel::NodeLocked;
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

/// A machine that has its seat, durably: its token is to be signed.
#[derive(Debug)]
pub(super) struct Bound {
    /// When it was bound.
    pub(super) now: Timestamp,
    pub(super) machine: activation::Model,
    pub(super) grant: Grant,
    pub(super) seats: SeatCount,
    pub(super) signing_key: Arc<SigningKey>,
    pub(super) recipient: Option<Recipient>,
    /// Whether it took a seat that it did not have.
    pub(super) created: bool,
}

impl Bound {
    /// Signs, after the commit.
    async fn activated(self, ctx: &Context) -> Result<Activated, ActivationError> {
        let Self { now, machine, grant: Grant { granted, window }, seats, signing_key, .. } = self;
        signing_key.reserve(&ctx.db, window.stale_until).await?;
        let nonce = Chain::of(&machine)?.nonce();
        let bearer = Bearer { activation: &machine, nonce };
        let claims = tokens::claims(ctx, Arc::clone(&granted.claim_set), window, bearer);
        let packed = tokens::mint(&signing_key, granted.product.token_typ, &claims, self.recipient.as_ref())?;
        let response = ActivateResponse {
            token: packed.token,
            token_type: packed.token_type,
            expires_at: window.expires,
            nonce: ctx.secrets.nonces.mint(machine.id.uuid().as_bytes(), nonce),
            heartbeat: HeartbeatTerms {
                required: claims.set.heartbeat_required,
                interval_seconds: claims.set.heartbeat_interval,
            },
            refresh_after: window.refresh_after,
            stale_until: window.stale_until,
            seats,
            activation: render(machine, now),
        };
        Ok(Activated { response, created: self.created })
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

/// What a machine tells of itself each time.
pub(super) fn refresh(
    machine: &mut activation::Model,
    request: &ActivateRequest,
    caller: &Caller,
    now: Timestamp,
) {
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
    audit::record(tx, moment, caller, noted(machine, coming)).await?;
    if !coming.takes_seat() {
        return Ok(());
    }
    events::record(tx, moment, told(machine, license, coming)).await
}

/// For the audit log.
pub(super) fn noted(machine: &activation::Model, coming: Coming) -> audit::Event {
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
    audit::Event::new(action, &machine.id, detail).of_license(machine.license_id)
}

/// For those who are told of a machine that took a seat.
pub(super) fn told(machine: &activation::Model, license: &license::Model, coming: Coming) -> events::Event {
    let detail = json!({"returning": coming != Coming::First, "freeEnvironment": machine.free_environment});
    events::Event::new(Kind::ActivationCreated, &machine.id, detail).of_license(license)
}
