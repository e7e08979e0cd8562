//! What anybody may know: keys and addresses, from prepared bytes, kept by caches, open to browsers.

mod documents;

use actix_cors::Cors;
use actix_web::http::header::{self, EntityTag, Header, IfNoneMatch};
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
    pub(crate) bytes: &'a [u8],
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

/// Any origin may read, without credentials.
pub(crate) fn cors() -> Cors {
    Cors::default()
        .allow_any_origin()
        .send_wildcard()
        .allowed_methods(["GET", "HEAD"])
        .allow_any_header()
        .max_age(86_400)
}

/// The public signing keys (RFC 7517)
#[utoipa::path(tag = "Discovery", responses((status = OK, description = "A JWK Set", body = JwkSet)))]
#[get("/jwks.json")]
pub(crate) async fn jwks(ctx: Ctx, documents: web::Data<Documents>, request: HttpRequest) -> HttpResponse {
    let published = ctx.publication(ctx.moment().now).await;
    let keys = &published.keys;
    let prepared = Prepared { bytes: keys.jwks(), media_type: "application/json", etag: keys.etag() };
    cached(&request, caching(&documents, &published), &prepared)
}

/// One public signing key as PEM
#[utoipa::path(
    tag = "Discovery",
    params(("kid" = String, Path, description = "RFC 7638 thumbprint of the key")),
    responses((status = OK, description = "PEM", body = String, content_type = "application/x-pem-file"), Refused<NoKey>)
)]
#[get("/keys/{kid}.pem")]
pub(crate) async fn key_pem(
    ctx: Ctx,
    documents: web::Data<Documents>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let kid = request.match_info().get("kid").unwrap_or_default();
    let published = ctx.publication_with(kid, ctx.moment().now).await;
    let pem = published.keys.pem(kid).ok_or(NoSuchKey)?;
    let etag = format!("\"{kid}\"");
    let prepared = Prepared { bytes: pem.as_bytes(), media_type: "application/x-pem-file", etag: &etag };
    Ok(cached(&request, caching(&documents, &published), &prepared))
}

/// Keys that could not be read for too long are shown, but not kept (RFC 9111 §5.2.2.4): a cache
/// would hold them beyond the instant at which one signs that is not among them.
fn caching<'a>(documents: &'a Documents, published: &Published) -> &'a str {
    if published.is_recent { documents.caching() } else { "no-cache" }
}

/// Where everything is, for consumers of licences
#[utoipa::path(tag = "Discovery", responses((status = OK, description = "Addresses", body = LicenseConfiguration)))]
#[get("/license-configuration")]
pub(crate) async fn license_configuration(
    documents: web::Data<Documents>,
    request: HttpRequest,
) -> HttpResponse {
    answer(&request, &documents, &documents.license().prepared())
}

/// Where the keys are, for stock JWT middleware (`OpenID` Connect Discovery 1.0)
#[utoipa::path(tag = "Discovery", responses((status = OK, description = "Addresses", body = OpenidConfiguration)))]
#[get("/openid-configuration")]
pub(crate) async fn openid_configuration(
    documents: web::Data<Documents>,
    request: HttpRequest,
) -> HttpResponse {
    answer(&request, &documents, &documents.openid().prepared())
}

fn answer(request: &HttpRequest, documents: &Documents, prepared: &Prepared<'_>) -> HttpResponse {
    cached(request, documents.caching(), prepared)
}

/// What may change at any time is kept as long as it may go unnoticed here: asking again costs next to nothing.
pub(crate) fn for_a_moment() -> String {
    format!("public, max-age={}", licentia_domain::status_lists::FRESH.get())
}

/// Answers with prepared bytes, or that the client has them.
pub(crate) fn cached(request: &HttpRequest, caching: &str, prepared: &Prepared<'_>) -> HttpResponse {
    let mut answer =
        if is_known(request, prepared.etag) { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((header::ETAG, prepared.etag)).insert_header((header::CACHE_CONTROL, caching));
    if is_known(request, prepared.etag) {
        return answer.finish();
    }
    answer.content_type(prepared.media_type).body(prepared.bytes.to_vec())
}

/// RFC 9110 §13.1.2, by weak comparison.
fn is_known(request: &HttpRequest, etag: &str) -> bool {
    let Ok(etag) = etag.parse::<EntityTag>() else {
        return false;
    };
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => request.headers().contains_key(header::IF_NONE_MATCH),
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|one| one.weak_eq(&etag)),
        Err(_) => false,
    }
}
