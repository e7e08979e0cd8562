//! A second factor is taken away, by its owner or for somebody who lost his app; or its recovery codes are renewed.

use licentia_entity::admin;
use licentia_types::admins::AdminResponse;
use licentia_types::ids::AdminId;
use licentia_types::secret::TotpCode;
use licentia_types::sessions::DisableTotpRequest;
use serde_json::json;

use super::enrollment::expect_password;
use super::{Proof, TotpError, make_recovery_codes, store, take};
use crate::actors::{Actor, Caller, Person};
use crate::admins;
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::sessions::{self, SessionError};
use crate::{audit, once};

/// Takes the second factor of whoever is signed in away.
///
/// # Errors
/// When nobody is, password or code are not right, there is none, or the configuration demands one.
pub async fn disable(ctx: &Context, caller: &Caller, request: DisableTotpRequest) -> Result<(), TotpError> {
    if ctx.settings.require_totp {
        return Err(TotpError::Required);
    }
    let id = signed_in(caller)?;
    expect_password(ctx, caller, id, request.password).await?;
    let moment = ctx.moment();
    let (tx, admin) = hold_proven(ctx, &moment, caller, request.code).await?;
    clear(&tx, &moment, caller, admin).await?;
    tx.commit().await?;
    Ok(())
}

/// Gives whoever is signed in new recovery codes; the former ones are worth nothing any more.
///
/// # Errors
/// When nobody is, the code is not right, or there is no second factor.
pub async fn renew_recovery_codes(
    ctx: &Context,
    caller: &Caller,
    code: TotpCode,
) -> Result<Vec<String>, TotpError> {
    let moment = ctx.moment();
    let (tx, admin) = hold_proven(ctx, &moment, caller, code).await?;
    let codes = make_recovery_codes(ctx, &tx, &moment, &admin).await?;
    let event = audit::Event::new("admin.recovery_codes_renewed", &admin.id, json!({}));
    audit::record(&tx, &moment, caller, event).await?;
    tx.commit().await?;
    Ok(codes)
}

/// Takes the second factor of an admin away who lost his app, with his sessions.
///
/// # Errors
/// When there is none whom the caller may change, or it is himself.
pub async fn remove(ctx: &Context, caller: &Caller, id: AdminId) -> Result<AdminResponse, TotpError> {
    admins::expect_another(caller, id)?;
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let tx = once::begin(ctx, caller).await?;
    let admin = admins::held(&tx, caller, id).await?;
    if admin.totp_sealed.is_none() {
        return Ok(admins::render(&tx, admin).await?);
    }
    sessions::store::delete_of(&tx, Person::Admin(id), None).await?;
    let admin = clear(&tx, &moment, caller, admin).await?;
    let shown = admins::render(&tx, admin).await?;
    once::commit(ctx, &moment, caller, tx, &shown).await?;
    Ok(shown)
}

fn signed_in(caller: &Caller) -> Result<AdminId, TotpError> {
    match &caller.actor {
        Actor::Admin { id, .. } => Ok(*id),
        _ => Err(TotpError::NotSignedIn),
    }
}

/// Holds whoever is signed in, once his code was found good.
async fn hold_proven(
    ctx: &Context,
    moment: &Moment<'_>,
    caller: &Caller,
    code: TotpCode,
) -> Result<(WriteTx, admin::Model), TotpError> {
    let id = signed_in(caller)?;
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let admin = admins::store::find_locked(&tx, id).await?.ok_or(TotpError::NotSignedIn)?;
    if admin.totp_confirmed_at.is_none() {
        return Err(TotpError::NotEnrolled);
    }
    let proof = Proof::Code(code);
    if take(ctx, &tx, moment, &admin, &proof).await? {
        // As it is after the code was marked.
        return Ok((tx, admin));
    }
    tx.commit().await?;
    ctx.login_refusals.tell(caller, Person::Admin(id), proof.word(), moment.now);
    Err(SessionError::Credentials.into())
}

async fn clear(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    admin: admin::Model,
) -> Result<admin::Model, TotpError> {
    let id = admin.id;
    store::delete_recovery_codes(tx, id).await?;
    let admin = admin::Model {
        totp_sealed: None,
        totp_confirmed_at: None,
        totp_last_step: None,
        totp_failures: 0,
        credentials_version: admin.credentials_version + 1,
        ..admin
    };
    let admin = admins::write(tx, moment, admin).await?;
    audit::record(tx, moment, caller, audit::Event::new("admin.totp_removed", &id, json!({}))).await?;
    Ok(admin)
}
