//! Credentials of a request: `Authorization: Bearer` with an API key (`lsk_…`) or the token of a session (RFC 6750
//! §2.1), or `X-Api-Key`.

use actix_web::http::header::{self, HeaderMap, HeaderName};
use licentia_domain::refusal::Refusal;
use licentia_types::problems::ProblemCode;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Why a request's credentials do not open anything. Never repeats them.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CredentialsError {
    /// There are none.
    #[error(
        "sign in and send the session's token as Authorization: Bearer, or send an API key, also as X-Api-Key"
    )]
    Missing,
    /// Of another scheme, or no text.
    #[error("the credentials cannot be read; send Authorization: Bearer, or X-Api-Key")]
    Unreadable,
    /// Several that are not the same.
    #[error("there are several credentials, and they differ; send one")]
    Ambiguous,
    /// Those of a program or of a customer, where an admin is meant.
    #[error("this is about the account of an admin who signed in")]
    NoAdmin,
    /// Those of somebody else, where a customer is meant.
    #[error("this is about what is a customer's own: it needs his session")]
    NoCustomer,
    /// Sent to a listener that is for machines and the public only.
    #[error("credentials open nothing at this address; leave them out")]
    NotHere,
    /// They are good, and not enough.
    #[error("this needs the permission {0}")]
    Denied(&'static str),
    /// They are good within groups.
    #[error("this concerns everybody: it needs a principal without groups")]
    Bounded,
}

impl Refusal for CredentialsError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::Missing | Self::Unreadable | Self::Ambiguous | Self::NotHere => {
                ProblemCode::Unauthenticated
            }
            Self::NoAdmin | Self::NoCustomer | Self::Denied(_) | Self::Bounded => {
                ProblemCode::PermissionDenied
            }
        }
    }
}

/// The secret that a request carries, if it carries one.
pub(crate) fn secret(headers: &HeaderMap) -> Result<Option<&str>, CredentialsError> {
    let bearers = headers.get_all(header::AUTHORIZATION).map(|value| bearer(value.to_str().ok()));
    let keys = headers.get_all(API_KEY).map(|value| value.to_str().map_err(|_| CredentialsError::Unreadable));
    let mut found = None;
    for secret in bearers.chain(keys) {
        let secret = secret?.trim();
        if found.is_some_and(|other| other != secret) {
            return Err(CredentialsError::Ambiguous);
        }
        found = Some(secret);
    }
    Ok(found)
}

fn bearer(value: Option<&str>) -> Result<&str, CredentialsError> {
    let (scheme, secret) =
        value.and_then(|value| value.split_once(' ')).ok_or(CredentialsError::Unreadable)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(secret) } else { Err(CredentialsError::Unreadable) }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn both_ways_are_read() {
        for pairs in [
            &[("authorization", "Bearer lsk_a")][..],
            &[("authorization", "bearer lsk_a")],
            &[("x-api-key", "lsk_a")],
            &[("authorization", "Bearer lsk_a"), ("x-api-key", "lsk_a")],
        ] {
            assert_eq!(secret(&headers(pairs)), Ok(Some("lsk_a")));
        }
        assert_eq!(secret(&headers(&[])), Ok(None));
    }

    #[test]
    fn other_schemes_and_contradictions_are_refused() {
        let refused = |pairs: &[_]| secret(&headers(pairs)).unwrap_err();
        assert_eq!(refused(&[("authorization", "Basic bHNr")]), CredentialsError::Unreadable);
        assert_eq!(refused(&[("authorization", "lsk_a")]), CredentialsError::Unreadable);
        let two = [("authorization", "Bearer lsk_a"), ("x-api-key", "lsk_b")];
        assert_eq!(refused(&two), CredentialsError::Ambiguous);
    }
}
