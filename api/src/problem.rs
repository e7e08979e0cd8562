//! The one place that makes HTTP of whatever was refused: problem documents (RFC 9457).
//!
//! Handlers and extractors return an [`ApiError`]; [`render`] writes the document when the answer
//! leaves, because only there path and request id are known. Errors of actix itself become
//! problems there too.

use actix_web::ResponseError;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use licentia_domain::refusal::Refusal;
use licentia_types::problems::{Problem, ProblemCode};

use crate::requests::Asked;

/// The media type of every problem (RFC 9457 §3).
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// Seconds after which a client may try again when the server was not available.
const RETRY_WHEN_UNAVAILABLE: &str = "5";

/// Seconds after which what is being served will have been.
const RETRY_WHEN_IN_FLIGHT: &str = "1";

/// Why a request is not answered as asked.
#[derive(Debug)]
pub(crate) struct ApiError {
    refusal: Box<dyn Refusal>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl ApiError {
    /// The same refusal with one header more. A value that is no header is left out.
    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        self
    }
}

impl<R: Refusal> From<R> for ApiError {
    fn from(refusal: R) -> Self {
        let wait = refusal.retry_after().map(|wait| wait.get().to_string());
        let error = Self { headers: Vec::new(), refusal: Box::new(refusal) };
        let error = match wait {
            Some(wait) => error.with_header(header::RETRY_AFTER, &wait),
            None => error,
        };
        match error.refusal.code() {
            ProblemCode::Unauthenticated | ProblemCode::NonceInvalid => {
                error.with_header(header::WWW_AUTHENTICATE, "Bearer")
            }
            ProblemCode::RequestInFlight => error.with_header(header::RETRY_AFTER, RETRY_WHEN_IN_FLIGHT),
            ProblemCode::Unavailable | ProblemCode::DirectoryUnavailable => {
                error.with_header(header::RETRY_AFTER, RETRY_WHEN_UNAVAILABLE)
            }
            _ => error,
        }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.refusal.fmt(f)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        status(self.refusal.code())
    }
}

fn status(code: ProblemCode) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Writes the problem document of an answer that refuses; leaves every other answer as it is.
pub(crate) fn render<B: MessageBody + 'static>(
    answer: ServiceResponse<B>,
    asked: &Asked,
) -> ServiceResponse<BoxBody> {
    if !answer.status().is_client_error() && !answer.status().is_server_error() {
        return answer.map_into_boxed_body();
    }
    let error = answer.response().error();
    let (problem, headers) = match error.and_then(actix_web::Error::as_error::<ApiError>) {
        Some(ours) => (of_refusal(ours.refusal.as_ref(), asked), ours.headers.clone()),
        None => (of_status(answer.status(), error, asked), Vec::new()),
    };
    answer.map_body(|head, _| {
        head.status = StatusCode::from_u16(problem.status).unwrap_or(head.status);
        head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        head.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in headers {
            head.headers.insert(name, value);
        }
        BoxBody::new(serde_json::to_vec(&problem).unwrap_or_default())
    })
}

fn of_refusal(refusal: &dyn Refusal, asked: &Asked) -> Problem {
    let code = refusal.code();
    // What somebody else's server said is what was asked for.
    if code.status() >= 500 && code != ProblemCode::MailNotTaken {
        log_causes(refusal, asked);
        return document(code, apology(code).to_owned(), asked);
    }
    Problem {
        errors: refusal.fields(),
        reactivate: (code == ProblemCode::NonceReused).then_some(true),
        seats: refusal.seats(),
        valid: (code == ProblemCode::TokenInvalid).then_some(false),
        reasons: (code == ProblemCode::TokenInvalid).then(|| refusal.reasons()),
        ..document(code, refusal.to_string(), asked)
    }
}

/// A refusal of actix, of which the client learns no more than its status.
fn of_status(status: StatusCode, error: Option<&actix_web::Error>, asked: &Asked) -> Problem {
    let code = match status {
        StatusCode::NOT_FOUND => ProblemCode::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ProblemCode::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => ProblemCode::BodyTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ProblemCode::MediaTypeUnsupported,
        StatusCode::SERVICE_UNAVAILABLE => ProblemCode::Unavailable,
        status if status.is_client_error() => ProblemCode::ParameterInvalid,
        _ => ProblemCode::Internal,
    };
    if status.is_server_error() {
        tracing::error!(request.id = asked.id, error = error.map(tracing::field::display), "request failed");
    }
    let detail = if status.is_server_error() { apology(code) } else { code.title() };
    document(code, detail.to_owned(), asked)
}

fn document(code: ProblemCode, detail: String, asked: &Asked) -> Problem {
    Problem {
        kind: kind(code),
        title: code.title().to_owned(),
        status: code.status(),
        detail,
        instance: asked.path.clone(),
        code,
        request_id: asked.id.clone(),
        errors: Vec::new(),
        reactivate: None,
        seats: None,
        valid: None,
        reasons: None,
    }
}

/// The URI reference that names a kind of problem (RFC 9457 §3.1.1); nothing is served there.
pub(crate) fn kind(code: ProblemCode) -> String {
    format!("/problems/{}", code.as_str().to_ascii_lowercase().replace('_', "-"))
}

/// What a client is told when it is our fault.
const fn apology(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::Unavailable => "the server is not available for now; try again soon",
        ProblemCode::DirectoryUnavailable => {
            "the directory of admins does not answer; try again soon, or sign in with a password of this server"
        }
        _ => "something went wrong on the server; it was logged under this request id",
    }
}

/// Logs the causes, once.
fn log_causes(refusal: &dyn Refusal, asked: &Asked) {
    tracing::error!(request.id = asked.id, error = causes(refusal), "request failed");
}

/// An error with everything that led to it, for the log only.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut causes = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push_str(": ");
        causes.push_str(&cause.to_string());
        source = cause.source();
    }
    causes
}

/// What failed, in words that operators may see, when an answer says that it is our fault.
pub(crate) fn fault<B>(answer: &ServiceResponse<B>) -> Option<String> {
    let error = answer.response().error().and_then(actix_web::Error::as_error::<ApiError>);
    match error.map(|ours| (ours, ours.refusal.code())) {
        Some((ours, ProblemCode::Internal)) => Some(ours.refusal.to_string()),
        None if answer.status() == StatusCode::INTERNAL_SERVER_ERROR => Some("unforeseen".to_owned()),
        Some(_) | None => None,
    }
}
