//! What anybody may know: keys and addresses, from prepared bytes, kept by caches, open to browsers.

mod documents;

use std::sync::LazyLock;

use actix_web::http::header::{self, EntityTag, Header, HeaderMap, HeaderValue, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, get, web};
use licentia_domain::refusal::Refusal;
use licentia_domain::signing_keys::Published;
use licentia_types::discovery::{JwkSet, LicenseConfiguration, OpenidConfiguration};
use licentia_types::problems::ProblemCode;

use crate::Ctx;
use crate::problem::ApiError;
use crate::refusals::{NoKey, Refused};
use crate::status_lists;

pub(crate) use documents::Documents;

const PREFIX: &str = "/.well-known/";
const REVOCATION_LIST: &str = "/api/v1/revocation/list";

/// Bytes that were prepared, and what caches need.
#[derive(Debug)]
pub(crate) struct Prepared<'a> {
    pub(crate) bytes: web::Bytes,
    pub(crate) media_type: &'static str,
    /// In its quotes.
    pub(crate) etag: &'a str,
}

#[derive(Debug, thiserror::Error)]
#[error("no published key has this id")]
struct NoSuchKey;

impl Refusal for NoSuchKey {
    fn code(&self) -> ProblemCode {
        ProblemCode::NotFound
    }
}

/// Whether scripts of any origin may read what is at this path.
pub(crate) fn is_for_browsers(path: &str) -> bool {
    path.starts_with(PREFIX) || path.starts_with(status_lists::PREFIX) || path == REVOCATION_LIST
}

/// Scripts of any origin may read an answer, without credentials.
pub(crate) fn open(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}

/// What a browser is told that asks before it sends the request proper (a CORS preflight).
pub(crate) fn invite(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"),
        // The asterisk stands for all but this one.
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "*, authorization"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// The public signing keys (RFC 7517)
#[utoipa::path(tag = "Discovery", responses((status = OK, description = "A JWK Set", body = JwkSet)))]
#[get("/.well-known/jwks.json")]
pub(crate) async fn jwks(ctx: Ctx, documents: web::Data<Documents>, request: HttpRequest) -> HttpResponse {
    let published = ctx.publication(ctx.moment().now).await;
    let keys = &published.keys;
    let prepared = Prepared { bytes: keys.jwks(), media_type: "application/json", etag: keys.etag() };
    cached(&request, caching(&documents, &published), prepared)
}

/// One public signing key as PEM
#[utoipa::path(
    tag = "Discovery",
    params(("kid" = String, Path, description = "RFC 7638 thumbprint of the key")),
    responses((status = OK, description = "PEM", body = String, content_type = "application/x-pem-file"), Refused<NoKey>)
)]
#[get("/.well-known/keys/{kid}.pem")]
pub(crate) async fn key_pem(
    ctx: Ctx,
    documents: web::Data<Documents>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let kid = request.match_info().get("kid").unwrap_or_default();
    let published = ctx.publication_with(kid, ctx.moment().now).await;
    let pem = published.keys.pem(kid).ok_or(NoSuchKey)?;
    let etag = format!("\"{kid}\"");
    let bytes = web::Bytes::copy_from_slice(pem.as_bytes());
    let prepared = Prepared { bytes, media_type: "application/x-pem-file", etag: &etag };
    Ok(cached(&request, caching(&documents, &published), prepared))
}

/// Keys that could not be read for too long are shown, but not kept (RFC 9111 §5.2.2.4): a cache
/// would hold them beyond the instant at which one signs that is not among them.
fn caching<'a>(documents: &'a Documents, published: &Published) -> &'a str {
    if published.is_recent { documents.caching() } else { "no-cache" }
}

/// Where everything is, for consumers of licences
#[utoipa::path(tag = "Discovery", responses((status = OK, description = "Addresses", body = LicenseConfiguration)))]
#[get("/.well-known/license-configuration")]
pub(crate) async fn license_configuration(
    documents: web::Data<Documents>,
    request: HttpRequest,
) -> HttpResponse {
    answer(&request, &documents, documents.license().prepared())
}

/// Where the keys are, for stock JWT middleware (`OpenID` Connect Discovery 1.0)
#[utoipa::path(tag = "Discovery", responses((status = OK, description = "Addresses", body = OpenidConfiguration)))]
#[get("/.well-known/openid-configuration")]
pub(crate) async fn openid_configuration(
    documents: web::Data<Documents>,
    request: HttpRequest,
) -> HttpResponse {
    answer(&request, &documents, documents.openid().prepared())
}

fn answer(request: &HttpRequest, documents: &Documents, prepared: Prepared<'_>) -> HttpResponse {
    cached(request, documents.caching(), prepared)
}

/// What may change at any time is kept as long as it may go unnoticed here: asking again costs next to nothing.
pub(crate) fn for_a_moment() -> &'static str {
    static CACHING: LazyLock<String> =
        LazyLock::new(|| format!("public, max-age={}", licentia_domain::status_lists::FRESH.get()));
    &CACHING
}

/// Answers with prepared bytes, or that the client has them.
pub(crate) fn cached(request: &HttpRequest, caching: &str, prepared: Prepared<'_>) -> HttpResponse {
    let is_known = is_known(request, prepared.etag);
    let mut answer = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((header::ETAG, prepared.etag)).insert_header((header::CACHE_CONTROL, caching));
    if is_known {
        return answer.finish();
    }
    answer.content_type(prepared.media_type).body(prepared.bytes)
}

/// RFC 9110 §13.1.2, by weak comparison.
fn is_known(request: &HttpRequest, etag: &str) -> bool {
    if !request.headers().contains_key(header::IF_NONE_MATCH) {
        return false;
    }
    let Ok(etag) = etag.parse::<EntityTag>() else {
        return false;
    };
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|one| one.weak_eq(&etag)),
        Err(_) => false,
    }
}
