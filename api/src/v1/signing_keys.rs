//! `/signing-keys`

use actix_web::web::Json;
use actix_web::{get, post};
use licentia_domain::signing_keys;
use licentia_types::pages::PageResponse;
use licentia_types::signing_keys::{
    Kid, RevokeSigningKeyRequest, RotateSigningKeyRequest, SigningKeyResponse,
};

use crate::Ctx;
use crate::body::OptionalBody;
use crate::guard::{Allowed, perm};
use crate::idempotency::{IdempotencyKey, Once, UnboundedOnce};
use crate::parameters::NamedKey;
use crate::problem::ApiError;
use crate::refusals::{ChangingKey, Refused};

/// Every signing key, with its state and dates
///
/// All of them on one page, the newest first. Private parts never leave the server.
#[utoipa::path(
    tag = "Signing keys",
    responses((status = OK, description = "The keys", body = PageResponse<SigningKeyResponse>)),
    security(("bearer" = ["keys.read"]))
)]
#[get("/signing-keys")]
pub(crate) async fn list_signing_keys(
    ctx: Ctx,
    allowed: Allowed<perm::KeysRead>,
) -> Result<Json<PageResponse<SigningKeyResponse>>, ApiError> {
    let _ = allowed.open();
    Ok(Json(signing_keys::list(&ctx).await?))
}

/// Let the pending key of a purpose take over
///
/// At once when it has been published for long enough that every verifier knows it; else at the `activeFrom` of the
/// answer. What the former key signed stays good.
#[utoipa::path(
    tag = "Signing keys",
    params(IdempotencyKey),
    request_body(content = Option<RotateSigningKeyRequest>, example = json!({"purpose": "token"})),
    responses((status = OK, description = "The key that takes over", body = SigningKeyResponse), Refused<ChangingKey>),
    security(("bearer" = ["keys"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[post("/signing-keys/rotate")]
pub(crate) async fn rotate_signing_key(
    ctx: Ctx,
    allowed: UnboundedOnce<perm::Keys, OptionalBody<RotateSigningKeyRequest>>,
) -> Result<Json<SigningKeyResponse>, ApiError> {
    let (caller, Once(OptionalBody(command))) = allowed.open();
    Ok(Json(signing_keys::rotate(&ctx, &caller, command.purpose).await?))
}

/// Take a signing key out of service
///
/// The active one as a rotation does; a retiring one leaves the key set, once nothing that it signed is good.
#[utoipa::path(
    tag = "Signing keys",
    params(("kid" = Kid, Path), IdempotencyKey),
    responses((status = OK, description = "The key", body = SigningKeyResponse), Refused<ChangingKey>),
    security(("bearer" = ["keys"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[post("/signing-keys/{kid}/retire")]
pub(crate) async fn retire_signing_key(
    ctx: Ctx,
    allowed: UnboundedOnce<perm::Keys, NamedKey>,
) -> Result<Json<SigningKeyResponse>, ApiError> {
    let (caller, Once(NamedKey(kid))) = allowed.open();
    Ok(Json(signing_keys::retire(&ctx, &caller, &kid).await?))
}

/// Revoke a signing key that leaked, at once and for good
///
/// It leaves the key set, what it signed is refused, and the pending key signs. Machines get a token by that one at
/// their next heartbeat. Doing it again changes nothing.
#[utoipa::path(
    tag = "Signing keys",
    params(("kid" = Kid, Path), IdempotencyKey),
    request_body(content = Option<RevokeSigningKeyRequest>, example = json!({"reason": "a backup was lost"})),
    responses((status = OK, description = "The key", body = SigningKeyResponse)),
    security(("bearer" = ["keys"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[post("/signing-keys/{kid}/revoke")]
pub(crate) async fn revoke_signing_key(
    ctx: Ctx,
    allowed: UnboundedOnce<perm::Keys, (NamedKey, OptionalBody<RevokeSigningKeyRequest>)>,
) -> Result<Json<SigningKeyResponse>, ApiError> {
    let (caller, Once((NamedKey(kid), OptionalBody(command)))) = allowed.open();
    Ok(Json(signing_keys::revoke(&ctx, &caller, &kid, command).await?))
}
