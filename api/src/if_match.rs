//! Optimistic edits: `If-Match` names the version that the client saw (RFC 9110 §13.1.1).

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use licentia_domain::refusal::Refusal;
use licentia_types::problems::ProblemCode;
use utoipa::IntoParams;
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;

use crate::problem::ApiError;

/// The version that must still be the present one; none when any will do.
#[derive(Debug)]
pub(crate) struct IfMatch(pub(crate) Option<i64>);

#[derive(Debug, thiserror::Error)]
#[error("If-Match must be the ETag of the last answer, such as \"3\", or *")]
struct IfMatchError;

impl Refusal for IfMatchError {
    fn code(&self) -> ProblemCode {
        ProblemCode::VersionStale
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let parameter = ParameterBuilder::new()
            .name("If-Match")
            .parameter_in(ParameterIn::Header)
            .description(Some(
                "The `ETag` of the last answer: refuses the edit when it was changed in the meantime.",
            ))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String).examples(["\"3\""])));
        vec![parameter.build()]
    }
}

impl FromRequest for IfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut given = request.headers().get_all(header::IF_MATCH);
        let expected = match (given.next(), given.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => value.to_str().map_err(|_| IfMatchError).and_then(parse),
            (Some(_), Some(_)) => Err(IfMatchError),
        };
        ready(expected.map(Self).map_err(ApiError::from))
    }
}

/// A weak tag never matches here (RFC 9110 §8.8.3.2), nor does one that we would not have written.
fn parse(value: &str) -> Result<Option<i64>, IfMatchError> {
    let value = value.trim();
    if value == "*" {
        return Ok(None);
    }
    let version = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(IfMatchError)?;
    let is_ours = version.bytes().all(|byte| byte.is_ascii_digit()) && !version.starts_with('0');
    let version = version.parse().map_err(|_| IfMatchError)?;
    if is_ours { Ok(Some(version)) } else { Err(IfMatchError) }
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
        assert_eq!(parse("\"3\"").unwrap(), Some(3));
        assert_eq!(parse(" \"12\" ").unwrap(), Some(12));
        assert_eq!(parse("*").unwrap(), None);
        assert_eq!(parse(&etag(7)).unwrap(), Some(7));
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
