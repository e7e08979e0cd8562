//! What becomes of a key: edited, given a new secret, ended.

use licentia_crypto::digests::bearer_secret;
use licentia_entity::api_key::{self, IpRanges, Origin, Permissions};
use licentia_types::api_keys::{
    ApiKeyResponse, IssuedApiKeyResponse, LONGEST_OVERLAP, RotateApiKeyRequest, UpdateApiKeyRequest,
};
use licentia_types::change::Change;
use licentia_types::ids::ApiKeyId;
use licentia_types::time::Seconds;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{ApiKeyError, PREFIX, digest, rules, store};
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::failure::Failure;
use crate::groups::bounds;
use crate::{audit, once};

/// Edits a key.
///
/// # Errors
/// When there is none that the caller may change, he lacks what it would be given, `expected` is not its version, or
/// it would be worth nothing.
pub async fn update(
    ctx: &Context,
    caller: &Caller,
    id: ApiKeyId,
    expected: Option<i64>,
    request: UpdateApiKeyRequest,
) -> Result<ApiKeyResponse, ApiKeyError> {
    let moment = ctx.moment();
    if let Change::Set(at) = request.expires_at {
        rules::expect_future(Some(at), moment.now)?;
    }
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let mut key = held(&tx, caller, id, expected).await?;
    let former = store::groups_of(&tx, &key).await?;
    let groups = bounds::of_edited(&caller.actor, former.clone(), request.groups)?;
    if groups != former {
        super::bind(&tx, caller, &mut key, groups.as_ref()).await?;
    }
    let permissions = super::allowed(&tx, request.permissions, request.role).await?;
    if let Some(permissions) = permissions {
        rules::expect_given(&caller.actor, &permissions)?;
        key.permissions = Permissions(permissions);
    }
    if let Some(ranges) = request.ip_ranges {
        rules::expect_few(&ranges)?;
        key.ip_ranges = rules::kept(ranges).map(IpRanges);
    }
    key.name = request.name.unwrap_or(key.name);
    key.expires_at = request.expires_at.apply(key.expires_at);
    let detail = json!({
        "name": key.name, "permissions": key.permissions, "ipRanges": key.ip_ranges, "expiresAt": key.expires_at,
        "groups": groups,
    });
    let key = write(&tx, &moment, caller, key, ("api_key.updated", detail)).await?;
    let key = super::render(ctx, &tx, key).await?;
    tx.commit().await?;
    Ok(key)
}

/// Gives a key a new secret, which is in the answer, and nowhere else. The former one is good for as long as asked,
/// the one before that no longer.
///
/// # Errors
/// When there is none that the caller may change, `expected` is not its version, or the overlap is too long.
pub async fn rotate(
    ctx: &Context,
    caller: &Caller,
    id: ApiKeyId,
    expected: Option<i64>,
    request: RotateApiKeyRequest,
) -> Result<IssuedApiKeyResponse, ApiKeyError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    if request.overlap_seconds > LONGEST_OVERLAP {
        return Err(ApiKeyError::OverlapTooLong);
    }
    let overlap = Seconds::constant(request.overlap_seconds);
    let secret = bearer_secret(PREFIX, moment.random()?);
    let tx = once::begin(ctx, caller).await?;
    let before = held(&tx, caller, id, expected).await?;
    let lasts = request.overlap_seconds > 0;
    let key = api_key::Model {
        former_digest: lasts.then(|| before.secret_digest.clone()),
        former_until: lasts.then(|| moment.now + overlap),
        secret_digest: digest(ctx, secret.expose_secret()),
        ..before
    };
    let detail = json!({"overlapSeconds": request.overlap_seconds});
    let key = write(&tx, &moment, caller, key, ("api_key.rotated", detail)).await?;
    let key = super::render(ctx, &tx, key).await?;
    let issued = IssuedApiKeyResponse { key, secret: secret.expose_secret().to_owned() };
    once::commit(ctx, &moment, caller, tx, &issued).await?;
    Ok(issued)
}

/// Ends a key at once, with all its secrets. Doing it again changes nothing.
///
/// # Errors
/// When there is none that the caller may change.
pub async fn revoke(ctx: &Context, caller: &Caller, id: ApiKeyId) -> Result<ApiKeyResponse, ApiKeyError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let tx = once::begin(ctx, caller).await?;
    let key = match held(&tx, caller, id, None).await {
        Ok(key) => end(&tx, &moment, caller, key).await?,
        Err(ApiKeyError::Revoked) => return super::get(ctx, caller.actor.scope(), id).await,
        Err(refused) => return Err(refused),
    };
    let key = super::render(ctx, &tx, key).await?;
    once::commit(ctx, &moment, caller, tx, &key).await?;
    Ok(key)
}

/// Ends every key of an origin that is still good.
pub(crate) async fn revoke_all(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    origin: Origin,
) -> Result<(), Failure> {
    for key in store::standing_locked(tx, origin).await? {
        end(tx, moment, caller, key).await?;
    }
    Ok(())
}

/// Ends a key that is held.
pub(super) async fn end(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    key: api_key::Model,
) -> Result<api_key::Model, Failure> {
    let ended = api_key::Model { revoked_at: Some(moment.now), ..key };
    write(tx, moment, caller, ended, ("api_key.revoked", json!({}))).await
}

/// Writes a key that is held as it shall be, and tells of it.
pub(super) async fn write(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    key: api_key::Model,
    (action, detail): (&'static str, Value),
) -> Result<api_key::Model, Failure> {
    let key = api_key::Model { updated_at: moment.now, version: key.version + 1, ..key };
    let key = key.into_active_model().reset_all().update(tx).await?;
    let groups = store::groups_of(tx, &key).await?.unwrap_or_default();
    let event = audit::Event::new(action, &key.id, detail).in_group(rules::only(&groups));
    audit::record(tx, moment, caller, event).await?;
    Ok(key)
}

/// Holds a key that the caller may change until the transaction ends.
async fn held(
    tx: &WriteTx,
    caller: &Caller,
    id: ApiKeyId,
    expected: Option<i64>,
) -> Result<api_key::Model, ApiKeyError> {
    let key = store::find_locked(tx, caller.actor.scope(), id).await?.ok_or(ApiKeyError::NotFound)?;
    // Judged by the row as it was before we waited for it: now it is ours.
    if !caller.actor.reaches(store::groups_of(tx, &key).await?.as_ref()) {
        return Err(ApiKeyError::NotFound);
    }
    rules::expect_changeable(&key, &caller.actor)?;
    if expected.is_some_and(|version| version != key.version) {
        return Err(ApiKeyError::Stale { current: key.version });
    }
    Ok(key)
}
