//! What is left in a bucket, and how clients are told.
//!
//! The three fields of draft-ietf-httpapi-ratelimit-headers-06, which clients know (`RateLimit-Limit`, `-Remaining`,
//! `-Reset`), with `RateLimit-Policy`; not the structured field of later drafts.

use std::time::Duration;

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest};
use licentia_domain::refusal::Refusal;
use licentia_types::problems::ProblemCode;

use crate::problem::ApiError;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// A bucket after one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Calls a minute.
    pub(super) limit: u32,
    /// Calls that it takes now.
    pub(super) remaining: u32,
    /// Until it is whole again.
    pub(super) reset: Duration,
    /// Until it takes the next call, when it did not take this one.
    pub(super) wait: Option<Duration>,
}

#[derive(Debug, thiserror::Error)]
#[error("there were too many requests of this kind; try again later")]
struct TooMany;

impl Refusal for TooMany {
    fn code(&self) -> ProblemCode {
        ProblemCode::RateLimited
    }
}

impl Standing {
    /// # Errors
    /// When the bucket did not take the call.
    pub(super) fn admit(self) -> Result<(), ApiError> {
        match self.wait {
            None => Ok(()),
            Some(wait) => Err(ApiError::from(TooMany)
                .with_header(header::RETRY_AFTER, &whole_seconds(wait).max(1).to_string())),
        }
    }
}

/// Tells what is left in the bucket of this request, if it was counted.
pub(crate) fn mark(headers: &mut HeaderMap, request: &HttpRequest) {
    let standing = request.extensions().get::<Standing>().copied();
    let Some(Standing { limit, remaining, reset, .. }) = standing else {
        return;
    };
    headers.insert(LIMIT, limit.into());
    headers.insert(REMAINING, remaining.into());
    headers.insert(RESET, whole_seconds(reset).into());
    if let Ok(policy) = HeaderValue::from_str(&format!("{limit};w=60")) {
        headers.insert(POLICY, policy);
    }
}

/// Rounded up: whoever waits so long has waited long enough.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
