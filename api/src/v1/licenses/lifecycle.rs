//! `/license-keys/{id}/…`: on hold, taken back, renewed, given to somebody else, a new key.

use actix_web::post;
use licentia_domain::licenses;
use licentia_types::ids::LicenseId;
use licentia_types::licenses::{
    IssuedLicenseResponse, LicenseResponse, RenewLicenseRequest, RevokeLicenseRequest, RotateKeyRequest,
    SuspendLicenseRequest, TransferLicenseRequest,
};

use crate::Ctx;
use crate::answers::Found;
use crate::body::{Body, OptionalBody};
use crate::guard::perm;
use crate::idempotency::{AllowedOnce, IdempotencyKey, Once};
use crate::if_match::OptionalIfMatch;
use crate::parameters::Id;
use crate::problem::ApiError;
use crate::refusals::{Refused, Standing, Transferring};

/// Put a licence on hold
///
/// Its machines get no tokens until it is reinstated; edits and renewals leave it on hold. Doing it again changes nothing.
#[utoipa::path(
    tag = "Licences",
    params(("id" = LicenseId, Path), OptionalIfMatch, IdempotencyKey),
    request_body(content = Option<SuspendLicenseRequest>, example = json!({"reason": "invoice unpaid"})),
    responses((status = OK, description = "The licence", body = LicenseResponse), Refused<Standing>),
    security(("bearer" = ["licenses"]))
)]
#[post("/license-keys/{id}/suspend")]
pub(crate) async fn suspend_license(
    ctx: Ctx,
    allowed: AllowedOnce<
        perm::Licenses,
        (Id<LicenseId>, OptionalIfMatch, OptionalBody<SuspendLicenseRequest>),
    >,
) -> Result<Found<LicenseResponse>, ApiError> {
    let (caller, Once((Id(id), OptionalIfMatch(expected), OptionalBody(command)))) = allowed.open();
    Ok(Found(licenses::suspend(&ctx, &caller, id, expected, command).await?))
}

/// Take a licence off hold
///
/// Also takes the revocation by a newer licence of the same customer back (`supersededBy`); every other one is final. Doing
/// it again changes nothing.
#[utoipa::path(
    tag = "Licences",
    params(("id" = LicenseId, Path), OptionalIfMatch, IdempotencyKey),
    responses((status = OK, description = "The licence", body = LicenseResponse), Refused<Standing>),
    security(("bearer" = ["licenses"]))
)]
#[post("/license-keys/{id}/reinstate")]
pub(crate) async fn reinstate_license(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Licenses, (Id<LicenseId>, OptionalIfMatch)>,
) -> Result<Found<LicenseResponse>, ApiError> {
    let (caller, Once((Id(id), OptionalIfMatch(expected)))) = allowed.open();
    Ok(Found(licenses::reinstate(&ctx, &caller, id, expected).await?))
}

/// Take a licence back, for good
///
/// Its machines get no more licence tokens. Until the grace has passed they are told so with `graceUntil`; without
/// `graceHours` it is the tier's `revocationGrace`. Use `"graceHours": 0` for fraud and refunds. Doing it again changes
/// nothing, but that a shorter grace ends it sooner, and that `supersededBy` is taken away.
#[utoipa::path(
    tag = "Licences",
    params(("id" = LicenseId, Path), OptionalIfMatch, IdempotencyKey),
    request_body(content = Option<RevokeLicenseRequest>, example = json!({"reason": "refunded", "graceHours": 0})),
    responses((status = OK, description = "The licence", body = LicenseResponse)),
    security(("bearer" = ["licenses"]))
)]
#[post("/license-keys/{id}/revoke")]
pub(crate) async fn revoke_license(
    ctx: Ctx,
    allowed: AllowedOnce<
        perm::Licenses,
        (Id<LicenseId>, OptionalIfMatch, OptionalBody<RevokeLicenseRequest>),
    >,
) -> Result<Found<LicenseResponse>, ApiError> {
    let (caller, Once((Id(id), OptionalIfMatch(expected), OptionalBody(command)))) = allowed.open();
    Ok(Found(licenses::revoke(&ctx, &caller, id, expected, command).await?))
}

/// Renew a licence
///
/// From its expiry, or from now when it has lapsed: by `validDays`, by a `billingPeriod`, until `expiresAt`, or, with none
/// of them, by one more of its own term, else by the only period at which its tier is sold. Send `If-Match`, or a repeated
/// call renews it again.
#[utoipa::path(
    tag = "Licences",
    params(("id" = LicenseId, Path), OptionalIfMatch, IdempotencyKey),
    request_body(content = Option<RenewLicenseRequest>, example = json!({"billingPeriod": "annual"})),
    responses((status = OK, description = "The licence", body = LicenseResponse), Refused<Standing>),
    security(("bearer" = ["licenses"]))
)]
#[post("/license-keys/{id}/renew")]
pub(crate) async fn renew_license(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Licenses, (Id<LicenseId>, OptionalIfMatch, OptionalBody<RenewLicenseRequest>)>,
) -> Result<Found<LicenseResponse>, ApiError> {
    let (caller, Once((Id(id), OptionalIfMatch(expected), OptionalBody(command)))) = allowed.open();
    Ok(Found(licenses::renew(&ctx, &caller, id, expected, command).await?))
}

/// Give a licence to another customer
///
/// Its machines go on, and find the new owner in their next token. To the same customer it changes nothing.
#[utoipa::path(
    tag = "Licences",
    params(("id" = LicenseId, Path), OptionalIfMatch, IdempotencyKey),
    request_body(content = TransferLicenseRequest, example = json!({"customer": {"externalId": "crm-4712", "email": "eve@example.com"}})),
    responses((status = OK, description = "The licence", body = LicenseResponse), Refused<Transferring>),
    security(("bearer" = ["licenses"]))
)]
#[post("/license-keys/{id}/transfer")]
pub(crate) async fn transfer_license(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Licenses, (Id<LicenseId>, OptionalIfMatch, Body<TransferLicenseRequest>)>,
) -> Result<Found<LicenseResponse>, ApiError> {
    let (caller, Once((Id(id), OptionalIfMatch(expected), Body(command)))) = allowed.open();
    Ok(Found(licenses::transfer(&ctx, &caller, id, expected, command).await?))
}

/// Make a new key for a licence whose key leaked
///
/// The answer holds the new key, this once. Former keys die at once, or at `keepOldUntil`, and are never given again. Seats
/// and history stay, and machines go on: they need no key.
#[utoipa::path(
    tag = "Licences",
    params(("id" = LicenseId, Path), OptionalIfMatch, IdempotencyKey),
    request_body(content = Option<RotateKeyRequest>, example = json!({"keepOldUntil": "2031-01-31T00:00:00Z"})),
    responses((status = OK, description = "The licence with its new key", body = IssuedLicenseResponse), Refused<Standing>),
    security(("bearer" = ["licenses"]))
)]
#[post("/license-keys/{id}/rotate-key")]
pub(crate) async fn rotate_license_key(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Licenses, (Id<LicenseId>, OptionalIfMatch, OptionalBody<RotateKeyRequest>)>,
) -> Result<Found<IssuedLicenseResponse>, ApiError> {
    let (caller, Once((Id(id), OptionalIfMatch(expected), OptionalBody(command)))) = allowed.open();
    Ok(Found(licenses::rotate_key(&ctx, &caller, id, expected, command).await?))
}
