//! Activating a machine: for the first time, again, or after it gave its seat back.

use licentia_entity::{activation, license};
use licentia_types::activations::{
    ActivateRequest, ActivateResponse, ActivationStatus, HeartbeatTerms, Seats as SeatCount,
};
use licentia_types::ids::ActivationId;
use licentia_types::licenses::LicenseStatus;
use licentia_types::time::Timestamp;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::json;

use super::binding::{Binding, open_nonce, parse_key};
use super::error::ActivationError;
use super::seats::Seats;
use super::{render, store};
use crate::actors::{Actor, Caller};
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::failure::Failure;
use crate::heartbeats::chain::Chain;
use crate::licenses::{self, terms};
use crate::scope::Scope;
use crate::tokens::{self, Bearer, Entitlements, Recipient, Window};
use crate::{audit, catalog, products};

/// A machine that was activated.
pub struct Activated {
    /// The answer.
    pub response: ActivateResponse,
    /// Whether it took a seat that it did not have.
    pub created: bool,
}

impl std::fmt::Debug for Activated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Activated")
            .field("created", &self.created)
            .finish_non_exhaustive()
    }
}

/// How a machine comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coming {
    First,
    /// It holds its seat; `proven` by its current nonce, or known by key and fingerprint alone.
    Again {
        proven: bool,
    },
    /// It gave its seat back before.
    Returning,
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
    let moment = ctx.moment();
    let key = parse_key(&request.license_key)?;
    let binding = Binding::parse(&request)?;
    let key_digest = licenses::keys::digest(ctx, &key);

    let tx = ctx.db.write(Lane::Ordinary).await?;
    let license = store::license_for_update(&tx, key_digest)
        .await?
        .ok_or(ActivationError::KeyUnknown)?;
    let caller = caller.acting_as(Actor::Machine(license.id));
    let product = products::store::get(&tx, license.product_id).await?;
    let catalogue = catalog::load(&tx, product.id).await?;
    let entitlements = terms::entitlements(ctx, &catalogue, &license)?;
    let window = open_window(ctx, &license, &entitlements, moment.now)?;

    let mut seats = Seats::of(&tx, license, entitlements.limits, moment.now).await?;
    let (mut machine, coming) = identify(ctx, &tx, &moment, &seats, &request).await?;
    if coming == (Coming::Again { proven: false }) {
        binding.expect_unchanged(&machine)?;
    }
    binding.apply(&tx, &mut machine, moment.now).await?;
    if !machine.holds_seat {
        seats.claim().await?;
        machine.holds_seat = true;
    }
    if coming != (Coming::Again { proven: false }) {
        seats.admit(&machine).await?;
    }
    refresh(&mut machine, &request, &caller, moment.now);
    if !matches!(coming, Coming::Again { .. }) {
        machine.status_serial = store::next_status_place(&tx, machine.id).await?;
    }

    let claim_set = entitlements.claim_set(&ctx.settings.issuer, seats.license(), &product);
    machine.claim_set_id =
        tokens::keep_claim_set(&tx, ctx, &moment, seats.license(), &product, &claim_set).await?;
    let signing_key = ctx.keys.token_key();
    let reservation = signing_key.reserve(&tx, window.stale_until).await?;
    machine.kid = signing_key.kid().to_owned();
    machine.token_iat = window.issued;
    machine.token_exp = window.expires;
    let machine = write(&tx, machine, coming).await?;
    record(&tx, &moment, &caller, &machine, coming).await?;
    let recipient = Recipient::of(&tx, &machine).await?;
    let (used, limit) = (seats.used(), entitlements.limits.max_activations);
    tx.commit().await?;
    reservation.committed();

    let nonce = Chain::of(&machine)?.nonce();
    let claims = tokens::claims(
        claim_set,
        window,
        Bearer {
            activation: &machine,
            nonce,
        },
    );
    let packed = tokens::mint(&signing_key, product.token_typ, &claims, recipient.as_ref())?;
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
        seats: SeatCount { used, limit },
        activation: render(machine),
    };
    Ok(Activated {
        response,
        created: coming == Coming::First || coming == Coming::Returning,
    })
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

/// The machine's row as it will be, and how the machine comes.
async fn identify(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    seats: &Seats<'_>,
    request: &ActivateRequest,
) -> Result<(activation::Model, Coming), ActivationError> {
    let scope = Scope::License(seats.license().id);
    let Some(mut machine) = store::find_machine(tx, scope, &request.fingerprint).await? else {
        let id = ActivationId::new(moment.new_uuid()?);
        return Ok((blank(id, seats.license(), request, moment.now), Coming::First));
    };
    let chain = Chain::of(&machine)?;
    let proven = match &request.nonce {
        None => None,
        Some(nonce) => Some(open_nonce(ctx, machine.id, nonce).map_err(|_| ActivationError::NonceInvalid)?),
    };
    if proven.is_some_and(|nonce| nonce < chain.nonce()) {
        return Err(ActivationError::NonceReused);
    }
    chain.next_epoch(proven, moment.now).write_to(&mut machine)?;
    let coming = match machine.status {
        ActivationStatus::Active => Coming::Again {
            proven: proven.is_some(),
        },
        ActivationStatus::Deactivated => Coming::Returning,
    };
    machine.status = ActivationStatus::Active;
    machine.seat_frees_at = None;
    Ok((machine, coming))
}

fn blank(
    id: ActivationId,
    license: &license::Model,
    request: &ActivateRequest,
    now: Timestamp,
) -> activation::Model {
    activation::Model {
        id,
        license_id: license.id,
        fingerprint: request.fingerprint.clone(),
        status: ActivationStatus::Active,
        hostname: None,
        ip: None,
        environment: None,
        product_version: None,
        user_ref: None,
        tenant_ref: None,
        consumer_key: None,
        consumer_key_alg: None,
        holds_seat: false,
        seat_frees_at: None,
        epoch: now.seconds(),
        generation: Chain::FIRST_GENERATION,
        request_digest: None,
        rotated_at: now,
        late_generation: 0,
        late_retries: 0,
        last_contact_at: now,
        previous_contact_at: now,
        claim_set_id: 0,
        kid: String::new(),
        token_iat: now,
        token_exp: now,
        status_serial: 0,
        clone_suspected_at: None,
        created_at: now,
        updated_at: now,
        version: 0,
    }
}

/// What a machine tells of itself each time.
fn refresh(machine: &mut activation::Model, request: &ActivateRequest, caller: &Caller, now: Timestamp) {
    machine.hostname = request.hostname.clone().or_else(|| machine.hostname.take());
    machine.environment = request.environment.clone().or_else(|| machine.environment.take());
    machine.product_version = request
        .product_version
        .clone()
        .or_else(|| machine.product_version.take());
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
        Coming::Again { .. } | Coming::Returning => row.update(tx).await?,
    })
}

async fn record(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    machine: &activation::Model,
    coming: Coming,
) -> Result<(), Failure> {
    let (action, detail) = match coming {
        Coming::First => ("activation.created", json!({"epoch": machine.epoch})),
        Coming::Again { proven } => (
            "activation.repeated",
            json!({"epoch": machine.epoch, "proven": proven}),
        ),
        Coming::Returning => ("activation.returned", json!({"epoch": machine.epoch})),
    };
    let event = audit::Event::new(action, &machine.id, detail).of_license(machine.license_id);
    audit::record(tx, moment, caller, event).await
}
