//! On hold, good again, taken back. Whoever asks us nothing learns of it from the next generation
//! of revocations.

use licentia_entity::license;
use licentia_types::ids::LicenseId;
use licentia_types::licenses::{LicenseResponse, RevokeLicenseRequest, SuspendLicenseRequest};
use licentia_types::time::Seconds;
use serde_json::json;

use super::error::LicenseError;
use super::lifecycle::{self, Next, Revocation};
use super::{Told, locked, terms, view, write};
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::events::Kind;
use crate::revocations::{self, grace};
use crate::{catalog, once};

/// Puts a licence on hold: its machines get no tokens until it is reinstated. Doing it again
/// changes nothing.
///
/// # Errors
/// When there is none, `expected` is not its version, or it was revoked.
pub async fn suspend(
    ctx: &Context,
    caller: &Caller,
    id: LicenseId,
    expected: Option<i64>,
    command: SuspendLicenseRequest,
) -> Result<LicenseResponse, LicenseError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let tx = once::begin(ctx, caller).await?;
    let before = locked(&tx, caller.actor.scope(), id, expected).await?;
    let told = Told {
        action: "license.suspended",
        event: Some(Kind::LicenseSuspended),
        detail: json!({"reason": command.reason}),
    };
    let next = lifecycle::suspend(before, command.reason, moment.now)?;
    settle(ctx, tx, &moment, caller, next, told).await
}

/// Ends a suspension, or takes a revocation by a sibling back. Doing it again changes nothing.
///
/// # Errors
/// When there is none, `expected` is not its version, or it was revoked for good.
pub async fn reinstate(
    ctx: &Context,
    caller: &Caller,
    id: LicenseId,
    expected: Option<i64>,
) -> Result<LicenseResponse, LicenseError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let tx = once::begin(ctx, caller).await?;
    let before = locked(&tx, caller.actor.scope(), id, expected).await?;
    let told = Told {
        action: "license.reinstated",
        event: Some(Kind::LicenseReinstated),
        detail: json!({"suspendedAt": before.suspended_at, "revokedAt": before.revoked_at,
                       "supersededBy": before.superseded_by}),
    };
    let next = lifecycle::reinstate(before, moment.now)?;
    settle(ctx, tx, &moment, caller, next, told).await
}

/// Takes a licence back for good: no machine gets a licence token any more. Doing it again changes
/// nothing, but that a shorter grace ends it sooner, and that a revocation by a sibling becomes
/// one for good.
///
/// # Errors
/// When there is none, `expected` is not its version, or the grace is too long.
pub async fn revoke(
    ctx: &Context,
    caller: &Caller,
    id: LicenseId,
    expected: Option<i64>,
    command: RevokeLicenseRequest,
) -> Result<LicenseResponse, LicenseError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let asked = command.grace_hours.map(grace_of_hours).transpose()?;
    let tx = once::begin(ctx, caller).await?;
    let before = locked(&tx, caller.actor.scope(), id, expected).await?;
    let grace_until = match (asked, before.status) {
        (Some(grace), _) => grace::end(grace, moment.now),
        (None, license::Status::Revoked) => before.grace_until,
        (None, license::Status::Active | license::Status::Suspended) => {
            let catalogue = catalog::load(&tx, before.product_id).await?;
            let grace = terms::entitlements(ctx, &catalogue, &before)?.times.revocation_grace;
            grace::end(grace, moment.now)
        }
    };
    let how =
        Revocation { by: caller.actor.name(), reason: command.reason, grace_until, superseded_by: None };
    let next = lifecycle::revoke(before, how, moment.now);
    let told = revoked(match &next {
        Next::Changed(license) | Next::Same(license) => license,
    });
    settle(ctx, tx, &moment, caller, next, told).await
}

/// What is told of a revocation: what it came to, which need not be what was asked for.
pub(super) fn revoked(license: &license::Model) -> Told {
    Told {
        action: "license.revoked",
        event: Some(Kind::LicenseRevoked),
        detail: json!({"reason": license.revocation_reason, "graceUntil": license.grace_until,
                       "supersededBy": license.superseded_by}),
    }
}

fn grace_of_hours(hours: u32) -> Result<Seconds, LicenseError> {
    grace::of_hours(hours).ok_or(LicenseError::GraceHours)
}

/// Writes what has changed, if anything has.
async fn settle(
    ctx: &Context,
    tx: WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    next: Next,
    told: Told,
) -> Result<LicenseResponse, LicenseError> {
    let changed = match next {
        Next::Same(license) => return Ok(view::render(ctx, &tx, license, moment.now).await?),
        Next::Changed(license) => license,
    };
    let license = write(&tx, moment, caller, changed, told).await?;
    let shown = view::render(ctx, &tx, license, moment.now).await?;
    revocations::raise_generation(&tx, moment).await?;
    once::commit(ctx, moment, caller, tx, &shown).await?;
    Ok(shown)
}
