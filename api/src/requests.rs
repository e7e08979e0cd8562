//! Every request has an id, a span and a line in the log (at `debug` for public documents); nothing that could be secret is logged:
//! neither the query, nor headers, nor bodies.

mod chunked;
mod ids;

use std::rc::Rc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};
use licentia_domain::context::Context;
use licentia_domain::randomness::RandomnessExhausted;
use licentia_domain::system_events::{self, SystemEvent};
use licentia_types::problems::ProblemCode;
use licentia_types::system_events::SystemEventLevel;
use serde_json::json;
use tracing::{Instrument, Span};

use crate::config::ServerConfig;
use crate::headers::{Hardening, Kind};
use crate::listeners::Listener;
use crate::methods::{Methods, Place};
use crate::origins::Origins;
use crate::{Ctx, answers, discovery, heads, idempotency, limits, problem, rewrite, router};
use chunked::Chunked;
use ids::RequestIds;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// What [`observe`] works with, in every worker.
#[derive(Debug)]
pub(crate) struct Layer {
    methods: Methods,
    ids: RequestIds,
    hardening: Hardening,
    origins: Origins,
}

/// What the client asked for, before anything was rewritten.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The id that the answer carries.
    pub(crate) id: String,
    /// The path, without the query.
    pub(crate) path: String,
    method: Method,
}

impl Layer {
    /// Around what a listener serves: nothing else is known there, so that its methods are not told of either.
    pub(crate) fn of(
        listener: Listener,
        config: &ServerConfig,
        ctx: &Context,
    ) -> Result<Self, RandomnessExhausted> {
        let operations = router::operations();
        let served = operations.iter().filter(|one| one.is_public || listener.serves_principals());
        Ok(Self {
            methods: Methods::of(served),
            ids: RequestIds::new(&ctx.moment())?,
            hardening: Hardening::of(&ctx.settings.issuer, config.hsts),
            origins: config.cors_origins.clone().unwrap_or_default(),
        })
    }

    /// The answer to what no handler needs to see.
    fn answer(&self, request: &ServiceRequest, place: Option<&Place>) -> Option<HttpResponse> {
        heads::refuse(request).or_else(|| place?.answer(request, &self.origins))
    }

    /// The headers of every answer.
    fn mark(&self, answer: &mut HttpResponse, place: Option<&Place>, asked: &Asked, request: &HttpRequest) {
        let kind = place.map_or_else(|| asked.kind(answer.status()), Place::kind);
        let headers = answer.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&asked.id) {
            headers.insert(HEADER, id);
        }
        self.hardening.mark(headers, kind);
        match kind {
            Kind::Document => discovery::open(headers),
            Kind::Machine | Kind::Api => {
                answers::keep_private(headers);
                self.origins.mark(headers, request.headers());
            }
            Kind::Page => {}
        }
    }
}

impl Asked {
    fn of(request: &ServiceRequest, ids: &RequestIds) -> Self {
        Self {
            id: given_id(request).unwrap_or_else(|| ids.make()),
            path: heads::shown(request.path()).to_owned(),
            method: request.method().clone(),
        }
    }

    /// What the answer is where no operation is.
    fn kind(&self, status: StatusCode) -> Kind {
        let is_error = status.is_client_error() || status.is_server_error();
        if router::is_page(&self.path) && !is_error { Kind::Page } else { Kind::Api }
    }
}

/// The id of the request; none outside of [`observe`].
pub(crate) fn id(request: &HttpRequest) -> Option<String> {
    request.extensions().get::<Rc<Asked>>().map(|asked| asked.id.clone())
}

/// What every request passes: it gets its id and its span, an undeclared method is refused, refusals become problems,
/// and how it ended is logged.
///
/// # Errors
/// As the rest of the chain.
pub(crate) async fn observe(
    layer: web::Data<Layer>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let begun = Instant::now();
    let asked = Rc::new(Asked::of(&request, &layer.ids));
    rewrite::normalize(&mut request);
    let place = layer.methods.at(request.path());
    let chunked = Chunked::of(&mut request);
    let answer = if let Some(answer) = layer.answer(&request, place) {
        ServiceResponse::new(request.into_parts().0, answer)
    } else {
        request.extensions_mut().insert(Rc::clone(&asked));
        let span = span(place, &asked);
        next.call(request).instrument(span).await?.map_into_boxed_body()
    };
    tell(&answer, &asked);
    let mut answer = problem::render(answer, &asked);
    let request = answer.request().clone();
    limits::mark(answer.headers_mut(), &request);
    if answer.status().is_success() {
        idempotency::mark(answer.headers_mut(), &request);
    }
    layer.mark(answer.response_mut(), place, &asked, &request);
    log(&answer, place, &asked, begun);
    Ok(match chunked {
        Some(chunked) => chunked.held_by(answer),
        None => answer,
    })
}

/// Around what a handler logs. Most requests are for public documents; they are told of at `debug` only.
fn span(place: Option<&Place>, asked: &Asked) -> Span {
    if place.is_some_and(Place::is_public) {
        tracing::debug_span!("request", request.id = asked.id)
    } else {
        tracing::info_span!("request", request.id = asked.id)
    }
}

/// The line of a request. That a public document was given to somebody is worth no line in a day's log.
fn log(answer: &ServiceResponse, place: Option<&Place>, asked: &Asked, begun: Instant) {
    let status = answer.status().as_u16();
    let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (id, method) = (asked.id.as_str(), asked.method.as_str());
    let route = place.map_or("-", Place::path);
    if status < 400 && place.is_some_and(Place::is_public) {
        tracing::debug!(request.id = id, method, route, status, duration_ms, "answered");
    } else {
        tracing::info!(request.id = id, method, route, status, duration_ms, "answered");
    }
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
