//! Which machine comes, and how: for the first time, again, or after it gave its seat back.

use licentia_entity::{activation, license};
use licentia_types::activations::{ActivateRequest, ActivationStatus};
use licentia_types::ids::ActivationId;
use licentia_types::time::Timestamp;

use super::binding::open_nonce;
use super::error::ActivationError;
use super::store;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::heartbeats::chain::Chain;
use crate::scope::Scope;

/// How a machine comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Coming {
    First,
    /// It holds its seat; `proven` by its current nonce, or known by key and fingerprint alone.
    Again {
        proven: bool,
    },
    /// It gave its seat back before.
    Returning,
}

impl Coming {
    /// It had no seat before.
    pub(super) const fn takes_seat(self) -> bool {
        matches!(self, Self::First | Self::Returning)
    }

    /// What binds it may be set: it is new, or proved itself.
    pub(super) const fn may_bind(self) -> bool {
        !matches!(self, Self::Again { proven: false })
    }
}

/// The machine's row as it will be, and how the machine comes.
pub(super) async fn identify(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    license: &license::Model,
    request: &ActivateRequest,
) -> Result<(activation::Model, Coming), ActivationError> {
    let scope = Scope::License(license.id);
    let Some(known) = store::find_machine(tx, scope, &request.fingerprint).await? else {
        let id = ActivationId::new(moment.new_uuid()?);
        return Ok((blank(id, license, request, moment.now), Coming::First));
    };
    // A heartbeat may have come in between: as it is now, and stays until the end.
    let mut machine = store::hold(tx, known.id).await?.ok_or(Failure::Corrupt("activation"))?;
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
        ActivationStatus::Active => Coming::Again { proven: proven.is_some() },
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
