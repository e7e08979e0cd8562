//! Which machine comes, and how: for the first time, again, or after it gave its seat back.

use licentia_entity::{activation, license};
use licentia_types::activations::{ActivateRequest, ActivationKind, ActivationStatus};
use licentia_types::ids::{ActivationId, LicenseId};
use licentia_types::text::{Fingerprint, Instance};
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
    /// It was imported with its place, and comes for the first time: nothing was ever bound or signed.
    Awaited,
    /// It holds its seat; `proven` by its current nonce, or known by key and fingerprint alone.
    Again {
        proven: bool,
    },
    /// It gave its seat back before, or lost it when its lease ended or when it was revoked. Whoever
    /// gave it back proved itself then; every other is `proven` by its current nonce, or known by key
    /// and fingerprint alone. It `takes_over` a place that is held for it still, when it comes without a
    /// nonce: whoever comes so never left, as far as seats and releases go.
    Returning {
        proven: bool,
        takes_over: bool,
    },
}

impl Coming {
    /// It had no seat before.
    pub(super) const fn takes_seat(self) -> bool {
        matches!(self, Self::First | Self::Returning { .. })
    }

    /// What binds it may be set: it is new, or proved itself.
    pub(super) const fn may_bind(self) -> bool {
        match self {
            Self::First | Self::Awaited => true,
            Self::Again { proven } | Self::Returning { proven, .. } => proven,
        }
    }

    /// It sits down where its place is held, by key and fingerprint alone: neither a seat is claimed for
    /// it nor a release counted, so nothing else bounds how often.
    pub(super) const fn takes_over(self) -> bool {
        matches!(self, Self::Again { proven: false } | Self::Returning { takes_over: true, .. })
    }
}

/// The machine's row as it will be, and how the machine comes. The licence's row is held, so nobody
/// is revoked meanwhile.
pub(super) async fn identify(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    license: &license::Model,
    request: &ActivateRequest,
) -> Result<(activation::Model, Coming), ActivationError> {
    let scope = Scope::License(license.id);
    let (fingerprint, instance) = (&request.fingerprint, request.instance.as_ref());
    let Some(known) = store::find_instance(tx, scope.clone(), fingerprint, instance).await? else {
        expect_unblocked(tx, scope, fingerprint).await?;
        let id = ActivationId::new(moment.new_uuid()?);
        return Ok((blank(id, license.id, fingerprint, instance, moment.now), Coming::First));
    };
    // A heartbeat may have come in between: as it is now, and stays until the end.
    let mut machine = store::hold(tx, known.id).await?.ok_or(Failure::Corrupt("activation"))?;
    let nonce = request.nonce.as_ref();
    let nonce = nonce.map(|nonce| open_nonce(ctx, machine.id, nonce)).transpose();
    let nonce = nonce.map_err(|_| ActivationError::NonceInvalid)?;
    expect_unblocked(tx, scope, fingerprint).await?;
    // By a machine that was imported there is nothing yet that it could prove itself by.
    let awaited = machine.kid.is_empty();
    let proven = nonce.is_some() || awaited;
    let takes_over = nonce.is_none() && (machine.holds_seat || machine.free_environment.is_some());
    let coming = match machine.status {
        ActivationStatus::Active if awaited => Coming::Awaited,
        ActivationStatus::Active => Coming::Again { proven },
        // It proved itself when it gave its seat back, unless it was revoked since.
        ActivationStatus::Deactivated => {
            Coming::Returning { proven: proven || machine.revoked_by.is_none(), takes_over }
        }
        ActivationStatus::Lapsed => Coming::Returning { proven, takes_over },
        ActivationStatus::Revoked => return Err(ActivationError::Blocked),
    };
    let chain = Chain::of(&machine)?;
    if nonce.is_some_and(|nonce| nonce < chain.nonce()) {
        return Err(ActivationError::NonceReused);
    }
    chain.next_epoch(nonce, moment.now).write_to(&mut machine)?;
    machine.status = ActivationStatus::Active;
    machine.kind = ActivationKind::Online;
    machine.seat_frees_at = None;
    machine.revoked_by = None;
    Ok((machine, coming))
}

/// A revoked machine stays out whichever instance it says it is.
pub(crate) async fn expect_unblocked(
    tx: &WriteTx,
    scope: Scope,
    fingerprint: &Fingerprint,
) -> Result<(), ActivationError> {
    if store::is_blocked(tx, scope, fingerprint).await? { Err(ActivationError::Blocked) } else { Ok(()) }
}

/// The row of a machine that comes for the first time, before it is given anything.
pub(crate) fn blank(
    id: ActivationId,
    license_id: LicenseId,
    fingerprint: &Fingerprint,
    instance: Option<&Instance>,
    now: Timestamp,
) -> activation::Model {
    activation::Model {
        id,
        license_id,
        fingerprint: fingerprint.clone(),
        instance: instance.cloned(),
        kind: ActivationKind::Online,
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
        floating: false,
        lease_until: None,
        offline_until: None,
        free_environment: None,
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
        former_status_serial: None,
        clone_suspected_at: None,
        revoked_at: None,
        revoked_by: None,
        revocation_reason: None,
        grace_until: None,
        created_at: now,
        updated_at: now,
        version: 0,
    }
}
