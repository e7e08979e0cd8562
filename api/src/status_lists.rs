//! `/status-lists`: for everybody, open to browsers, kept by caches for a moment only.

use actix_web::{HttpRequest, HttpResponse, get};
use licentia_domain::status_lists::{self, ListNumber, StatusListError};

use crate::Ctx;
use crate::discovery::{self, Prepared};
use crate::problem::ApiError;
use crate::refusals::{NoList, Refused};

/// Where the lists are.
pub(crate) const PREFIX: &str = "/status-lists/";
/// Of a signed list (Token Status List).
const MEDIA_TYPE: &str = "application/statuslist+jwt";

/// A signed Token Status List
///
/// Two bits for each place: 0 valid, 1 invalid, 2 suspended. A token names its place in its claim `status`.
#[utoipa::path(
    tag = "Discovery",
    params(("list" = String, Path, description = "The list's number, as in `status.status_list.uri`")),
    responses(
        (status = OK, description = "A compact JWS", body = String, content_type = "application/statuslist+jwt"),
        Refused<NoList>
    )
)]
#[get("/status-lists/{list}")]
pub(crate) async fn status_list(ctx: Ctx, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let list = request.match_info().get("list").and_then(|list| list.parse::<ListNumber>().ok());
    let list = status_lists::get(&ctx, list.ok_or(StatusListError::NotFound)?).await?;
    let prepared = Prepared { bytes: list.shared(), media_type: MEDIA_TYPE, etag: list.etag() };
    Ok(discovery::cached(&request, discovery::for_a_moment(), prepared))
}
