//! How large the head of a request may be. HTTP itself stops at 96 headers and 128 KB: 431, without a body.

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use licentia_domain::refusal::Refusal;
use licentia_types::problems::ProblemCode;

use crate::problem::ApiError;

/// Longest path with its query, in bytes.
const LONGEST_URI: usize = 8_192;
/// Most of all headers together, in bytes.
const LARGEST: usize = 32_768;
/// What separates name, value and the next line.
const SEPARATORS: usize = ": \r\n".len();

/// Why a head was not taken.
#[derive(Debug, thiserror::Error)]
enum HeadError {
    #[error("path and query may have up to {LONGEST_URI} bytes together")]
    Uri,
    #[error("the headers may have up to {LARGEST} bytes together")]
    Headers,
}

impl Refusal for HeadError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::Uri => ProblemCode::UriTooLong,
            Self::Headers => ProblemCode::HeadersTooLarge,
        }
    }
}

/// The answer to a head that is too large.
pub(crate) fn refuse(request: &ServiceRequest) -> Option<HttpResponse> {
    check(request).err().map(|error| HttpResponse::from_error(ApiError::from(error)))
}

/// The path, for logs and answers; of one that is too long, nothing.
pub(crate) fn shown(path: &str) -> &str {
    if path.len() > LONGEST_URI { "/" } else { path }
}

fn check(request: &ServiceRequest) -> Result<(), HeadError> {
    if request.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > LONGEST_URI) {
        return Err(HeadError::Uri);
    }
    let lines = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + SEPARATORS);
    if lines.sum::<usize>() > LARGEST { Err(HeadError::Headers) } else { Ok(()) }
}
