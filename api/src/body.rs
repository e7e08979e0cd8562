//! Bodies: JSON, at most 64 KB (2 MB where many things are sent at once), of which every member is
//! known.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use licentia_domain::misread;
use licentia_domain::refusal::Refusal;
use licentia_types::problems::{FieldProblem, ProblemCode};
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::guard::Extracting;
use crate::problem::ApiError;

/// Largest body, in bytes.
const LARGEST: usize = 65_536;
/// Largest body that holds many things, in bytes.
const LARGEST_OF_MANY: usize = 2 * 1_024 * 1_024;

/// How long a body may take to arrive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience(pub(crate) Duration);

/// A body that must be there.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

/// A body that must be there, and holds many things.
#[derive(Debug)]
pub(crate) struct LargeBody<T>(pub(crate) T);

/// A body that may be left out, or be `null`; then it says nothing.
#[derive(Debug)]
pub(crate) struct OptionalBody<T>(pub(crate) T);

/// Why a body was not taken.
#[derive(Debug, thiserror::Error)]
enum BodyError {
    #[error("send the body as application/json")]
    MediaType,
    #[error("the body may have up to {most} bytes")]
    TooLarge { most: usize },
    #[error("the body ended early")]
    Incomplete,
    #[error("the body did not arrive in time")]
    Slow,
    #[error("the body is not JSON: see line {line}, column {column}")]
    Syntax { line: usize, column: usize },
    #[error("{}", detail(.0))]
    Member(FieldProblem),
}

impl Refusal for BodyError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::MediaType => ProblemCode::MediaTypeUnsupported,
            Self::TooLarge { .. } => ProblemCode::BodyTooLarge,
            Self::Incomplete | Self::Syntax { .. } => ProblemCode::BodyInvalid,
            Self::Slow => ProblemCode::RequestTimeout,
            Self::Member(field) if field.code == "NOT_SUPPORTED" => ProblemCode::NotSupported,
            Self::Member(_) => ProblemCode::ValidationFailed,
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::Member(field) => vec![field.clone()],
            Self::MediaType | Self::TooLarge { .. } | Self::Incomplete | Self::Slow | Self::Syntax { .. } => {
                Vec::new()
            }
        }
    }
}

fn detail(field: &FieldProblem) -> String {
    match field.pointer.as_str() {
        "" => format!("the body {}", field.detail),
        pointer => format!("{pointer}: {}", field.detail),
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move { Ok(Self(required(&request, payload, LARGEST).await?)) })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for LargeBody<T> {
    type Error = ApiError;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move { Ok(Self(required(&request, payload, LARGEST_OF_MANY).await?)) })
    }
}

impl<T: DeserializeOwned + Default + 'static> FromRequest for OptionalBody<T> {
    type Error = ApiError;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let bytes = read(&request, payload, LARGEST).await?;
            if bytes.is_empty() {
                return Ok(Self(T::default()));
            }
            expect_json(&request)?;
            Ok(Self(parse::<Option<T>>(&bytes)?.unwrap_or_default()))
        })
    }
}

/// As an operator chose.
pub(crate) fn patience(request: &HttpRequest) -> Patience {
    request.app_data::<Patience>().copied().unwrap_or(Patience(Duration::ZERO))
}

impl Patience {
    /// What arrives in time.
    pub(crate) async fn wait_for<T>(self, arriving: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(self.0, arriving).await.ok()
    }
}

async fn required<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
    most: usize,
) -> Result<T, BodyError> {
    expect_json(request)?;
    parse(&read(request, payload, most).await?)
}

fn expect_json(request: &HttpRequest) -> Result<(), BodyError> {
    let given =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(BodyError::MediaType) }
}

/// Reads no more than is allowed; a body that says that it is larger is not read at all.
async fn read(request: &HttpRequest, payload: Payload, most: usize) -> Result<web::Bytes, BodyError> {
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let declared: usize = declared.map_or(Ok(0), str::parse).map_err(|_| BodyError::TooLarge { most })?;
    if declared > most {
        return Err(BodyError::TooLarge { most });
    }
    let mut payload = payload;
    let payload =
        web::Payload::from_request(request, &mut payload).await.map_err(|_| BodyError::Incomplete)?;
    let reading = patience(request).wait_for(payload.to_bytes_limited(most)).await.ok_or(BodyError::Slow)?;
    let read = reading.map_err(|_| BodyError::TooLarge { most })?;
    read.map_err(|_| BodyError::Incomplete)
}

/// Lets what nobody wanted of a body pass, up to the size of one.
pub(crate) async fn pass(request: &HttpRequest, payload: Payload) -> Result<(), ApiError> {
    read(request, payload, LARGEST_OF_MANY).await?;
    Ok(())
}

/// Bodies are objects: serde would also take an array for one, member by member.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyError> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        let _: IgnoredAny = serde_json::from_slice(bytes).map_err(|error| syntax(&error))?;
        return Err(BodyError::Member(FieldProblem::new("", "INVALID", "must be an object")));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value =
        serde_path_to_error::deserialize(&mut json).map_err(|error| match error.inner().classify() {
            serde_json::error::Category::Data => BodyError::Member(misread::field(&error)),
            _ => syntax(error.inner()),
        })?;
    json.end().map_err(|error| syntax(&error))?;
    Ok(value)
}

fn syntax(error: &serde_json::Error) -> BodyError {
    BodyError::Syntax { line: error.line(), column: error.column() }
}

#[cfg(test)]
mod tests {
    use licentia_types::customers::CreateCustomerRequest;

    use super::*;

    fn refused(json: &str) -> BodyError {
        parse::<CreateCustomerRequest>(json.as_bytes()).unwrap_err()
    }

    #[test]
    fn broken_deep_and_trailing_json_is_no_json() {
        let deep = "[".repeat(10_000);
        for json in ["", "{", "{\"name\":}", "{} {}", "{\"name\":\"\u{1}\"}"] {
            assert_eq!(refused(json).code(), ProblemCode::BodyInvalid, "{json}");
        }
        assert_eq!(refused(&deep).code(), ProblemCode::BodyInvalid);
        assert_eq!(parse::<CreateCustomerRequest>(b"\xff\xfe").unwrap_err().code(), ProblemCode::BodyInvalid);
    }

    #[test]
    fn an_array_is_no_object() {
        assert_eq!(refused("[]").code(), ProblemCode::ValidationFailed);
        assert_eq!(refused(" [\"crm-1\"]").to_string(), "the body must be an object");
    }

    #[test]
    fn members_that_are_not_valid_are_named() {
        let error = refused("{\"email\":\"nobody\"}");
        assert_eq!(error.code(), ProblemCode::ValidationFailed);
        assert_eq!(error.fields().first().unwrap().pointer, "/email");
        assert_eq!(error.to_string(), "/email: must be an e-mail address");
    }
}
