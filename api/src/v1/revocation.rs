//! `/revocation/list`

use actix_web::{HttpRequest, HttpResponse, get};
use licentia_domain::revocations;

use crate::Ctx;
use crate::discovery::{self, Prepared};
use crate::problem::ApiError;

/// Of the signed list.
const MEDIA_TYPE: &str = "application/revocation-list+jwt";

/// Everything that was taken back, in one signed document
///
/// Opaque ids of licences and activations with the instant from which on, of suspended licences, and of signing keys
/// that were revoked. `generation` rises with every change.
#[utoipa::path(
    tag = "Discovery",
    responses(
        (status = OK, description = "A compact JWS", body = String, content_type = "application/revocation-list+jwt")
    )
)]
#[get("/revocation/list")]
pub(crate) async fn revocation_list(ctx: Ctx, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let list = revocations::list(&ctx).await?;
    let prepared = Prepared { bytes: list.shared(), media_type: MEDIA_TYPE, etag: list.etag() };
    Ok(discovery::cached(&request, discovery::for_a_moment(), prepared))
}
