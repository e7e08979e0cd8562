//! Web origins whose scripts may use the API (CORS, the Fetch standard §3.2). Public documents are open to any origin:
//! see [`crate::discovery`].

use actix_web::http::header::{self, HeaderMap, HeaderValue};

use crate::origins::Origins;

/// What a script may send.
const ALLOWED: &str =
    "authorization, content-type, idempotency-key, if-match, if-none-match, x-api-key, x-request-id";
/// What a script may read, beside what any may.
const EXPOSED: &str = "ETag, Location, RateLimit-Limit, RateLimit-Policy, RateLimit-Remaining, RateLimit-Reset, \
                       Retry-After, X-Request-Id";
/// How long a browser may go without asking first, in seconds.
const MAX_AGE: &str = "3600";

impl Origins {
    /// Lets a script of a listed origin read the answer. Never with cookies: credentials are in headers.
    pub(crate) fn mark(&self, answer: &mut HeaderMap, request: &HeaderMap) {
        if self.is_empty() {
            return;
        }
        // Caches must not give one origin's answer to another.
        answer.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = self.listed(request) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }

    /// Whether a browser asks for one of these origins before it sends the request proper.
    pub(crate) fn is_preflight(&self, request: &HeaderMap) -> bool {
        request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) && self.listed(request).is_some()
    }
}

/// What a browser of a listed origin is told that asks first; the rest stands on every answer.
pub(crate) fn invite(headers: &mut HeaderMap, methods: &str) {
    if let Ok(methods) = HeaderValue::from_str(methods) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(origins: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for origin in origins {
            headers.append(header::ORIGIN, HeaderValue::from_static(origin));
        }
        headers
    }

    #[test]
    fn only_listed_origins_are_let_in_and_caches_keep_them_apart() {
        let origins = Origins::try_from("https://a.example".to_owned()).unwrap();
        for (given, allowed) in [
            (&["https://a.example"][..], true),
            (&["https://a.example.evil.example"], false),
            (&["https://A.example"], false),
            (&["null"], false),
            (&["https://a.example", "https://evil.example"], false),
            (&[], false),
        ] {
            let mut answer = HeaderMap::new();
            origins.mark(&mut answer, &request(given));
            assert_eq!(answer.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), allowed, "{given:?}");
            assert_eq!(answer.get(header::VARY).unwrap(), "Origin");
            assert!(!answer.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
        }
    }

    #[test]
    fn without_origins_nothing_is_said() {
        let mut answer = HeaderMap::new();
        Origins::default().mark(&mut answer, &request(&["https://a.example"]));
        assert!(answer.is_empty());
    }
}
