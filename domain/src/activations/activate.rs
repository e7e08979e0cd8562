//! Activating a machine: for the first time, again, or after it gave its seat back.

use licentia_entity::{activation, activation_claim, license};
use licentia_types::activation_claims::AwaitedClaim;
use licentia_types::activations::ActivateRequest;
use licentia_types::time::Timestamp;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::json;

use super::arrivals;
use super::binding::{Binding, parse_key};
use super::bound::{Activated, Bound};
use super::error::ActivationError;
use super::grant::Grant;
use super::holders;
use super::identify::{Coming, identify};
use super::pass::{Entrant, Pass};
use super::proof;
use super::seats::Seats;
use crate::activation_claims::{self, Asked};
use crate::actors::{Actor, Caller};
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::events::Kind;
use crate::failure::Failure;
use crate::licenses;
use crate::refusals::{Call, Operation};
use crate::tokens::{self, Recipient};
use crate::{audit, events, releases, status_lists};

/// How a machine is received that comes.
pub enum Admission {
    /// It has its seat.
    Activated(Box<Activated>),
    /// It has nothing but a claim, until somebody lets it in.
    Waits(AwaitedClaim),
}

impl std::fmt::Debug for Admission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Activated(activated) => f.debug_tuple("Activated").field(activated).finish(),
            Self::Waits(claim) => f.debug_tuple("Waits").field(&claim.id).finish(),
        }
    }
}

/// Binds a machine to a seat of the licence whose key it knows, and gives it a token; or has it wait, where
/// somebody has to let it in first.
///
/// # Errors
/// When the key is unknown, the licence is worth nothing, no seat is free, or too many wait.
pub async fn activate(
    ctx: &Context,
    caller: &Caller,
    request: ActivateRequest,
) -> Result<Admission, ActivationError> {
    let mut call = Call::of(Operation::Activate, caller);
    call.fingerprint = Some(request.fingerprint.clone());
    call.hostname.clone_from(&request.hostname);
    call.product_version.clone_from(&request.product_version);
    let outcome = arrive(ctx, caller, request, &mut call).await;
    let license = call.license();
    call.ended(ctx, &outcome);
    match outcome {
        Ok(admission) => Ok(admission),
        Err(error) => Err(holders::named_to_owner(ctx, caller, license, error).await),
    }
}

/// Machines that come for the first time are bound together where there is nothing else to it.
async fn arrive(
    ctx: &Context,
    caller: &Caller,
    request: ActivateRequest,
    call: &mut Call,
) -> Result<Admission, ActivationError> {
    let key = parse_key(&request.license_key)?;
    let key_digest = licenses::keys::digest(ctx, &key);
    if let Some(bound) = arrivals::join(ctx, caller, &request, &key_digest.own).await? {
        return Ok(Admission::Activated(Box::new(bound.activated(ctx).await?)));
    }
    Box::pin(bind(ctx, caller, request, Pass::Key(key_digest), call)).await
}

/// The same for a machine that waited with a claim: it comes in as it asked then.
pub(crate) async fn activate_claimed(
    ctx: &Context,
    caller: &Caller,
    claim: &activation_claim::Model,
    request: ActivateRequest,
    call: &mut Call,
) -> Result<Admission, ActivationError> {
    bind(ctx, caller, request, Pass::Claim(claim), call).await
}

async fn bind(
    ctx: &Context,
    caller: &Caller,
    request: ActivateRequest,
    pass: Pass<'_>,
    call: &mut Call,
) -> Result<Admission, ActivationError> {
    let moment = ctx.moment();
    let binding = Binding::parse(&request)?;
    let signing_key = ctx.token_key(moment.now).await?;
    let wanted = proof::Wanted::by(ctx, &request, moment.now).await?;

    let (tx, opening) = Box::pin(pass.hold(ctx, moment.now)).await?;
    let license = opening.license.clone();
    call.concerns(license.id);
    let caller = caller.acting_as(Actor::Machine(license.id));
    let grant = Grant::of(ctx, &tx, &license, moment.now).await?;
    let proof = Box::pin(proof::Wanted::examine(wanted, &tx, &license)).await?;
    // Seats whose time has come are freed first: one of them may be this machine's own.
    let mut seats = Seats::of(&tx, moment, license, grant.limits()).await?;
    let (mut machine, coming) = identify(ctx, &tx, &moment, seats.license(), &request).await?;
    grant.expect_told_apart(&request, coming)?;
    if !coming.may_bind() {
        binding.expect_unchanged(&machine)?;
    }
    let (opens, product) = (opening.is_first(), &grant.granted.product);
    let entrant = Entrant { machine: machine.id, coming, opens, product };
    if let Some(kind) = pass.lacks(&tx, moment.now, entrant).await? {
        let known = (coming != Coming::First).then_some(&machine);
        let asked = Asked { license: seats.license(), kind, known, request: &request };
        let claim = Box::pin(activation_claims::ask(ctx, &tx, &moment, &caller, asked)).await?;
        tx.commit().await?;
        return Ok(Admission::Waits(claim));
    }
    let rebound = binding.apply(&tx, &mut machine, moment.now).await?;
    machine.environment = request.environment.clone().or_else(|| machine.environment.take());
    grant.take_place(&mut seats, &mut machine, coming, rebound).await?;
    list(&tx, &mut machine, coming, moment.now).await?;
    refresh(&mut machine, &request, &caller, moment.now);
    grant.promise(&mut machine, &signing_key, moment.now);
    machine.claim_set_id = tokens::keep_claim_set(&tx, ctx, &moment, &grant.granted).await?;
    let machine = write(&tx, machine, coming).await?;
    if let Some(proof) = &proof {
        Box::pin(proof.keep(&tx, machine.id)).await?;
    }
    record(&tx, &moment, &caller, &machine, seats.license(), coming).await?;
    pass.used(&tx, &moment, &caller, entrant).await?;
    let recipient = Recipient::of(ctx, &tx, &machine).await?;
    let seats = seats.count();
    let version = request.product_version.as_ref().map(|version| (product.id, version));
    releases::see(&tx, version, moment.now).await?;
    Box::pin(opening.settle(ctx, &tx, &moment, &caller, &request.fingerprint)).await?;
    tx.commit().await?;
    let (now, created) = (moment.now, coming.takes_seat());
    let token = None;
    let bound = Bound { now, machine, grant, seats, signing_key, recipient, proof, created, token };
    Ok(Admission::Activated(Box::new(bound.activated(ctx).await?)))
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

/// Its place in the status lists: another one for who takes a seat, the same for who stays.
async fn list(
    tx: &WriteTx,
    machine: &mut activation::Model,
    coming: Coming,
    now: Timestamp,
) -> Result<(), Failure> {
    if coming.takes_seat() {
        status_lists::take_place(tx, machine, now).await
    } else {
        status_lists::end_former_places(tx, [machine], now).await
    }
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
        Coming::Returning { proven, .. } => {
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
