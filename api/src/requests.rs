//! Every request has an id, a span and one line in the log; nothing that could be secret is logged:
//! neither the query, nor headers, nor bodies.

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest};
use licentia_domain::system_events::{self, SystemEvent};
use licentia_types::problems::ProblemCode;
use licentia_types::system_events::SystemEventLevel;
use serde_json::json;
use tracing::Instrument;

use crate::{Ctx, problem};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// What the client asked for, before anything was rewritten.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The id that the answer carries.
    pub(crate) id: String,
    /// The path, without the query.
    pub(crate) path: String,
    method: Method,
}

/// The id of the request; none outside of [`observe`].
pub(crate) fn id(request: &HttpRequest) -> Option<String> {
    request.extensions().get::<Asked>().map(|asked| asked.id.clone())
}

/// Gives a request its id and its span, logs how it ended, and makes problems of refusals.
///
/// # Errors
/// As the rest of the chain.
pub(crate) async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let begun = Instant::now();
    let asked = Asked {
        id: given_id(&request).unwrap_or_else(|| new_id(&request)),
        path: request.path().to_owned(),
        method: request.method().clone(),
    };
    request.extensions_mut().insert(asked.clone());
    let span = tracing::info_span!("request", request.id = asked.id, method = %asked.method);
    async move {
        let answer = next.call(request).await?;
        tell(&answer, &asked);
        let mut answer = problem::render(answer, &asked);
        if let Ok(id) = HeaderValue::from_str(&asked.id) {
            answer.headers_mut().insert(HEADER, id);
        }
        let route = answer.request().match_pattern().unwrap_or_else(|| "-".to_owned());
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(route, status = answer.status().as_u16(), duration_ms, "answered");
        Ok(answer)
    }
    .instrument(span)
    .await
}

/// Operators read of what was our fault, with its class alone; off the way of the answer.
fn tell<B>(answer: &ServiceResponse<B>, asked: &Asked) {
    let (Some(ctx), Some(fault)) = (answer.request().app_data::<Ctx>().cloned(), problem::fault(answer))
    else {
        return;
    };
    let event = SystemEvent {
        level: SystemEventLevel::Error,
        source: "request",
        message: format!("a request failed: {fault}"),
        detail: json!({
            "code": ProblemCode::Internal,
            "method": asked.method.as_str(),
            "route": answer.request().match_pattern(),
        }),
        request_id: Some(asked.id.clone()),
    };
    actix_web::rt::spawn(async move { system_events::record(&ctx, event).await });
}

/// The client's own id, if it cannot harm a log.
fn given_id(request: &ServiceRequest) -> Option<String> {
    let text = request.headers().get(HEADER)?.to_str().ok()?;
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    ((8..=64).contains(&text.len()) && text.chars().all(harmless)).then(|| text.to_owned())
}

fn new_id(request: &ServiceRequest) -> String {
    let made = request.app_data::<Ctx>().and_then(|ctx| ctx.moment().new_uuid().ok());
    made.map_or_else(|| "without-id".to_owned(), |id| id.simple().to_string())
}
