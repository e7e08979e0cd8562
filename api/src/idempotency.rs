//! `Idempotency-Key`: not supported yet, so refused. Whoever sends it relies on it.

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::HeaderName;
use licentia_domain::actors::Actor;
use licentia_domain::refusal::Refusal;
use licentia_types::problems::ProblemCode;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

#[derive(Debug, thiserror::Error)]
#[error("Idempotency-Key is not supported by this version: send the request without it")]
pub(crate) struct IdempotencyUnsupported;

impl Refusal for IdempotencyUnsupported {
    fn code(&self) -> ProblemCode {
        ProblemCode::NotSupported
    }
}

/// Refuses the header on what a signed-in principal creates. Machines' calls are idempotent by
/// themselves.
pub(crate) fn refuse(request: &HttpRequest, actor: &Actor) -> Result<(), IdempotencyUnsupported> {
    let relied_on = request.method() == Method::POST && request.headers().contains_key(HEADER);
    if relied_on && actor.principal().is_some() { Err(IdempotencyUnsupported) } else { Ok(()) }
}
