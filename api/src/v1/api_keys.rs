//! `/api-keys`

use actix_web::web::Json;
use actix_web::{delete, get, post, put};
use licentia_domain::api_keys;
use licentia_types::api_keys::{
    ApiKeyResponse, CreateApiKeyRequest, IssuedApiKeyResponse, RotateApiKeyRequest, UpdateApiKeyRequest,
};
use licentia_types::ids::ApiKeyId;
use licentia_types::pages::PageResponse;

use crate::Ctx;
use crate::answers::{Created, Found, NoContent};
use crate::body::{Body, OptionalBody};
use crate::guard::{Allowed, perm};
use crate::idempotency::{AllowedOnce, IdempotencyKey, Once};
use crate::if_match::{IfMatch, OptionalIfMatch};
use crate::parameters::{Id, Listing, PageParameters};
use crate::problem::ApiError;
use crate::refusals::{ChangingApiKey, Refused};

/// A page of API keys, without their secrets
#[utoipa::path(
    tag = "Access",
    params(PageParameters),
    responses((status = OK, description = "A page", body = PageResponse<ApiKeyResponse>)),
    security(("bearer" = ["admins.read"]))
)]
#[get("/api-keys")]
pub(crate) async fn list_api_keys(
    ctx: Ctx,
    allowed: Allowed<perm::AdminsRead, Listing>,
) -> Result<Json<PageResponse<ApiKeyResponse>>, ApiError> {
    let (caller, listing) = allowed.open();
    Ok(Json(api_keys::list(&ctx, caller.actor.scope(), &listing.page).await?))
}

/// Make an API key
///
/// Its secret is in this answer, and nowhere else. Nobody gives a key more than he has: 403. Nor does it reach further: it
/// acts within the groups of whoever makes it, or some of them.
#[utoipa::path(
    tag = "Access",
    params(IdempotencyKey),
    request_body(content = CreateApiKeyRequest, example = json!({
        "name": "Shop",
        "permissions": ["customers", "licenses"],
        "expiresAt": "2031-01-01T00:00:00Z",
        "ipRanges": ["192.0.2.0/24", "2001:db8::/32"]
    })),
    responses((status = CREATED, description = "The key, with its secret", body = IssuedApiKeyResponse)),
    security(("bearer" = ["admins"]))
)]
#[post("/api-keys")]
pub(crate) async fn create_api_key(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Admins, Body<CreateApiKeyRequest>>,
) -> Result<Created<IssuedApiKeyResponse>, ApiError> {
    let (caller, Once(Body(request))) = allowed.open();
    Ok(Created(api_keys::issue(&ctx, &caller, request).await?))
}

/// One API key, without its secret
#[utoipa::path(
    tag = "Access",
    params(("id" = ApiKeyId, Path)),
    responses((status = OK, description = "The key", body = ApiKeyResponse)),
    security(("bearer" = ["admins.read"]))
)]
#[get("/api-keys/{id}")]
pub(crate) async fn get_api_key(
    ctx: Ctx,
    allowed: Allowed<perm::AdminsRead, Id<ApiKeyId>>,
) -> Result<Found<ApiKeyResponse>, ApiError> {
    let (caller, Id(id)) = allowed.open();
    Ok(Found(api_keys::get(&ctx, caller.actor.scope(), id).await?))
}

/// Edit an API key
///
/// A key that may do more than the caller is not his to change: 403.
#[utoipa::path(
    tag = "Access",
    params(("id" = ApiKeyId, Path), IfMatch),
    request_body(content = UpdateApiKeyRequest, example = json!({"role": "support", "expiresAt": null})),
    responses((status = OK, description = "The key", body = ApiKeyResponse), Refused<ChangingApiKey>),
    security(("bearer" = ["admins"]))
)]
#[put("/api-keys/{id}")]
pub(crate) async fn update_api_key(
    ctx: Ctx,
    allowed: Allowed<perm::Admins, (Id<ApiKeyId>, IfMatch, Body<UpdateApiKeyRequest>)>,
) -> Result<Found<ApiKeyResponse>, ApiError> {
    let (caller, (Id(id), IfMatch(expected), Body(request))) = allowed.open();
    Ok(Found(api_keys::update(&ctx, &caller, id, expected, request).await?))
}

/// Give an API key a new secret
///
/// It is in this answer, and nowhere else. The former one is good for `overlapSeconds` more, the one before that no
/// longer.
#[utoipa::path(
    tag = "Access",
    params(("id" = ApiKeyId, Path), OptionalIfMatch, IdempotencyKey),
    request_body(content = Option<RotateApiKeyRequest>, example = json!({"overlapSeconds": 3600})),
    responses((status = OK, description = "The key, with its new secret", body = IssuedApiKeyResponse), Refused<ChangingApiKey>),
    security(("bearer" = ["admins"]))
)]
#[post("/api-keys/{id}/rotate")]
pub(crate) async fn rotate_api_key(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Admins, (Id<ApiKeyId>, OptionalIfMatch, OptionalBody<RotateApiKeyRequest>)>,
) -> Result<Found<IssuedApiKeyResponse>, ApiError> {
    let (caller, Once((Id(id), OptionalIfMatch(expected), OptionalBody(request)))) = allowed.open();
    Ok(Found(api_keys::rotate(&ctx, &caller, id, expected, request).await?))
}

/// End an API key at once, for good
///
/// It stays in the list. Doing it again changes nothing.
#[utoipa::path(
    tag = "Access",
    params(("id" = ApiKeyId, Path), IdempotencyKey),
    responses((status = OK, description = "The key", body = ApiKeyResponse), Refused<ChangingApiKey>),
    security(("bearer" = ["admins"]))
)]
#[post("/api-keys/{id}/revoke")]
pub(crate) async fn revoke_api_key(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Admins, Id<ApiKeyId>>,
) -> Result<Found<ApiKeyResponse>, ApiError> {
    let (caller, Once(Id(id))) = allowed.open();
    Ok(Found(api_keys::revoke(&ctx, &caller, id).await?))
}

/// The same, as a deletion: what is deleted is ended, and stays in the list
#[utoipa::path(
    tag = "Access",
    params(("id" = ApiKeyId, Path)),
    responses((status = NO_CONTENT, description = "It is ended"), Refused<ChangingApiKey>),
    security(("bearer" = ["admins"]))
)]
#[delete("/api-keys/{id}")]
pub(crate) async fn delete_api_key(
    ctx: Ctx,
    allowed: Allowed<perm::Admins, Id<ApiKeyId>>,
) -> Result<NoContent, ApiError> {
    let (caller, Id(id)) = allowed.open();
    api_keys::revoke(&ctx, &caller, id).await?;
    Ok(NoContent)
}
