//! Asking to be let in: a claim is made, or the one that a first machine made already has one secret more.

use std::slice;

use licentia_entity::activation_claim::{Decision, Model};
use licentia_entity::{activation, license};
use licentia_types::activation_claims::{ActivationClaimKind, AwaitedClaim};
use licentia_types::activations::ActivateRequest;
use licentia_types::ids::ActivationClaimId;
use serde_json::json;

use super::{Told, awaited, request, rules, secrets, store, tell};
use crate::actors::Caller;
use crate::audit;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::events::Kind;
use crate::failure::{Failure, failed_from};

/// A machine that is to wait.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Whose row is held.
    pub(crate) license: &'a license::Model,
    pub(crate) kind: ActivationClaimKind,
    /// The machine that comes again; none for one that is new.
    pub(crate) known: Option<&'a activation::Model>,
    pub(crate) request: &'a ActivateRequest,
}

/// Why a machine may not even wait.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoRoom {
    /// So many wait already.
    #[error("so many wait already")]
    Full,
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(NoRoom);

/// Makes a claim, in the transaction that holds the licence.
///
/// Whoever asks to be the first machine, for the very same from the same address, shares the claim, with a
/// secret of his own, and whoever decides sees how often it was asked for. Everybody else waits beside it,
/// and whoever decides sees both. To come in again is never shared: there is a machine from which it would
/// be taken, and what one of two that look alike is allowed must not be the other's.
///
/// # Errors
/// When five machines wait already, or this one waits with three claims, or was given five secrets.
pub(crate) async fn ask(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    asked: Asked<'_>,
) -> Result<AwaitedClaim, NoRoom> {
    let text = request::text(asked.request)?;
    let waiting = store::waiting(tx, asked.license.id, moment.now).await?;
    let mut new = blank(moment, caller, asked)?;
    for claim in &waiting {
        if may_share(claim, &new) && *request::open_text(ctx, claim)? == *text {
            return ask_again(ctx, tx, moment, caller, claim.clone()).await;
        }
    }
    if !rules::has_room(&waiting, &new) {
        return Err(NoRoom::Full);
    }
    new.request = request::seal(ctx, new.id, &text)?;
    let secret = secrets::add(ctx, moment, &mut new)?;
    store::insert(tx, new.clone()).await?;
    let (kind, license) = (Kind::ActivationClaimRequested, asked.license);
    tell(tx, moment, caller, Told { kind, license, claims: slice::from_ref(&new) }).await?;
    Ok(awaited(&new, secret))
}

async fn ask_again(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    mut claim: Model,
) -> Result<AwaitedClaim, NoRoom> {
    let secret = secrets::add(ctx, moment, &mut claim)?.ok_or(NoRoom::Full)?;
    store::keep_secrets(tx, &claim).await?;
    let written = audit::Event::new("activation_claim.repeated", &claim.id, json!({}));
    audit::record(tx, moment, caller, written.of_license(claim.license_id)).await?;
    Ok(awaited(&claim, Some(secret)))
}

fn may_share(one: &Model, other: &Model) -> bool {
    let first = |claim: &Model| claim.kind == ActivationClaimKind::FirstActivation;
    first(one) && first(other) && rules::same_machine(one, other) && one.ip == other.ip
}

/// The claim before anything is sealed in it.
fn blank(moment: &Moment<'_>, caller: &Caller, asked: Asked<'_>) -> Result<Model, Failure> {
    let Asked { license, kind, known, request } = asked;
    let request = request.clone();
    Ok(Model {
        id: ActivationClaimId::new(moment.new_uuid()?),
        license_id: license.id,
        kind,
        decision: Decision::Pending,
        activation_id: known.map(|machine| machine.id),
        fingerprint: request.fingerprint,
        instance: request.instance,
        hostname: request.hostname,
        ip: caller.ip.map(|ip| ip.to_string()),
        environment: request.environment,
        product_version: request.product_version,
        user_ref: request.user_ref,
        tenant_ref: request.tenant_ref,
        request: Vec::new(),
        secret_digests: Vec::new(),
        requested_at: moment.now,
        expires_at: moment.now + rules::LIFE,
        decided_at: None,
        activated_at: None,
    })
}
