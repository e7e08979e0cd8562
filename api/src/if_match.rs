//! Optimistic edits: `If-Match` names the version that the client saw (RFC 9110 §13.1.1).

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use licentia_domain::refusal::Refusal;
use licentia_types::problems::ProblemCode;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, Required};

use crate::problem::ApiError;

/// The version that must still be the present one; none when any will do (`*`). Demanded: an edit
/// that does not say what it saw is refused.
#[derive(Debug)]
pub(crate) struct IfMatch(pub(crate) Option<i64>);

/// The same, where it may be left out; then any version will do.
#[derive(Debug)]
pub(crate) struct OptionalIfMatch(pub(crate) Option<i64>);

#[derive(Debug, thiserror::Error)]
enum IfMatchError {
    #[error("send If-Match with the ETag of the last answer, or * to overwrite")]
    Missing,
    #[error("If-Match must be the ETag of the last answer, such as \"3\", or *")]
    NotOurs,
}

impl Refusal for IfMatchError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::Missing => ProblemCode::PreconditionRequired,
            Self::NotOurs => ProblemCode::VersionStale,
        }
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let meaning = "The `ETag` of the last answer: refuses the edit when it was changed in the meantime. \
                       `*` edits whatever is there.";
        vec![parameter(meaning, Required::True)]
    }
}

impl IntoParams for OptionalIfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let meaning = "The `ETag` of the last answer: refuses the call when it was changed in the meantime.";
        vec![parameter(meaning, Required::False)]
    }
}

fn parameter(meaning: &str, required: Required) -> Parameter {
    ParameterBuilder::new()
        .name("If-Match")
        .parameter_in(ParameterIn::Header)
        .required(required)
        .description(Some(meaning))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).examples(["\"3\""])))
        .build()
}

impl FromRequest for IfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let demanded = read(request).and_then(|given| match given {
            Given::Nothing => Err(IfMatchError::Missing),
            Given::Any => Ok(None),
            Given::Version(version) => Ok(Some(version)),
        });
        ready(demanded.map(Self).map_err(ApiError::from))
    }
}

impl FromRequest for OptionalIfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let expected = read(request).map(|given| match given {
            Given::Nothing | Given::Any => None,
            Given::Version(version) => Some(version),
        });
        ready(expected.map(Self).map_err(ApiError::from))
    }
}

/// What the header says.
#[derive(Debug, PartialEq, Eq)]
enum Given {
    /// It is not there.
    Nothing,
    /// `*`
    Any,
    Version(i64),
}

fn read(request: &HttpRequest) -> Result<Given, IfMatchError> {
    let mut given = request.headers().get_all(header::IF_MATCH);
    match (given.next(), given.next()) {
        (None, _) => Ok(Given::Nothing),
        (Some(value), None) => value.to_str().map_err(|_| IfMatchError::NotOurs).and_then(parse),
        (Some(_), Some(_)) => Err(IfMatchError::NotOurs),
    }
}

/// A weak tag never matches here (RFC 9110 §8.8.3.2), nor does one that we would not have written.
fn parse(value: &str) -> Result<Given, IfMatchError> {
    let value = value.trim();
    if value == "*" {
        return Ok(Given::Any);
    }
    let version =
        value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(IfMatchError::NotOurs)?;
    let is_ours = version.bytes().all(|byte| byte.is_ascii_digit()) && !version.starts_with('0');
    let version = version.parse().map_err(|_| IfMatchError::NotOurs)?;
    if is_ours { Ok(Given::Version(version)) } else { Err(IfMatchError::NotOurs) }
}

/// The entity tag of a version (RFC 9110 §8.8.3).
pub(crate) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_in_quotes() {
        assert_eq!(parse("\"3\"").unwrap(), Given::Version(3));
        assert_eq!(parse(" \"12\" ").unwrap(), Given::Version(12));
        assert_eq!(parse("*").unwrap(), Given::Any);
        assert_eq!(parse(&etag(7)).unwrap(), Given::Version(7));
    }

    #[test]
    fn everything_else_is_stale() {
        for value in [
            "3",
            "",
            "\"\"",
            "\"x\"",
            "\"-1\"",
            "\"+1\"",
            "\"03\"",
            "W/\"3\"",
            "\"3\", \"4\"",
            "\"99999999999999999999\"",
        ] {
            assert!(parse(value).is_err(), "{value}");
        }
    }
}
