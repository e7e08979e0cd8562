//! Web origins whose scripts may use the API (CORS, the Fetch standard §3.2). Public documents are open to any origin:
//! see [`crate::discovery`].

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use url::{Origin, Url};

/// What a script may send.
const ALLOWED: &str =
    "authorization, content-type, idempotency-key, if-match, if-none-match, x-api-key, x-request-id";
/// What a script may read, beside what any may.
const EXPOSED: &str = "ETag, Location, RateLimit-Limit, RateLimit-Policy, RateLimit-Remaining, RateLimit-Reset, \
                       Retry-After, X-Request-Id";
/// How long a browser may go without asking first, in seconds.
const MAX_AGE: &str = "3600";

/// Origins, letter for letter as browsers send them. Each is exact: there are no patterns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origins(Vec<String>);

/// Why a text is no list of origins.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is a list of origins, such as \"https://portal.example.com, http://localhost:5173\"; this is none: `{0}`"
)]
pub struct NotAnOrigin(String);

impl TryFrom<String> for Origins {
    type Error = NotAnOrigin;

    fn try_from(text: String) -> Result<Self, NotAnOrigin> {
        text.split(',').map(|one| origin(one.trim())).collect::<Result<_, _>>().map(Self)
    }
}

impl From<Origins> for String {
    fn from(origins: Origins) -> Self {
        origins.0.join(", ")
    }
}

/// A browser compares no spelling: only the canonical one would ever match.
fn origin(text: &str) -> Result<String, NotAnOrigin> {
    let refused = || NotAnOrigin(text.to_owned());
    let url = Url::parse(text).map_err(|_| refused())?;
    // An asterisk is a letter of a host to the parser, and a pattern to whoever wrote it.
    let is_web = matches!(url.scheme(), "https" | "http") && !text.contains('*');
    match url.origin() {
        Origin::Tuple(..) if is_web && url.origin().ascii_serialization() == text => Ok(text.to_owned()),
        _ => Err(refused()),
    }
}

impl Origins {
    /// Lets a script of a listed origin read the answer. Never with cookies: credentials are in headers.
    pub(crate) fn mark(&self, answer: &mut HeaderMap, request: &HeaderMap) {
        if self.0.is_empty() {
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

    /// The origin of a request, when there is one, and it is listed.
    fn listed<'a>(&self, request: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let mut given = request.get_all(header::ORIGIN);
        let origin = given.next().filter(|_| given.next().is_none())?;
        self.0.iter().any(|listed| listed.as_bytes() == origin.as_bytes()).then_some(origin)
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

    fn read(text: &str) -> Result<String, NotAnOrigin> {
        Origins::try_from(text.to_owned()).map(String::from)
    }

    #[test]
    fn origins_are_read_as_browsers_write_them() {
        for text in ["https://portal.example.com", "http://localhost:5173", "https://[2001:db8::1]:8443"] {
            assert_eq!(read(text).as_deref(), Ok(text));
        }
        assert_eq!(
            read("https://a.example,https://b.example").unwrap(),
            "https://a.example, https://b.example"
        );
    }

    #[test]
    fn what_no_browser_sends_is_refused() {
        for text in [
            "*",
            "null",
            "",
            "https://*.example.com",
            "https://a.example/",
            "https://a.example/path",
            "https://A.example",
            "https://a.example:443",
            "a.example",
            "file:///etc",
            "https://a.example,",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

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
