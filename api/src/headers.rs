//! What answers tell browsers, and whatever else would read more into them than they are. All values are prepared: an
//! answer costs a few insertions.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Two years (RFC 6797 §6.1).
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains; preload");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
const CROSS_ORIGIN: HeaderValue = HeaderValue::from_static("cross-origin");
/// What is no page loads nothing, and stands in no frame.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// What Swagger UI needs: its own scripts, pictures within its style sheet, the style within its logo (by its SHA-256), the
/// document, and calls of this server.
const PAGES: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; \
     style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A document for everybody, which scripts of any origin may read.
    Document,
    /// What a machine asked for: no browser shows it.
    Machine,
    /// Everything else of the API, and whatever is refused.
    Api,
    /// A page for people.
    Page,
}

/// The headers of this server.
#[derive(Debug)]
pub(crate) struct Hardening {
    has_hsts: bool,
}

impl Hardening {
    /// `hsts`: as an operator chose; told only where the issuer is https.
    pub(crate) fn of(issuer: &str, hsts: bool) -> Self {
        Self { has_hsts: hsts && issuer.starts_with("https://") }
    }

    /// Marks an answer.
    pub(crate) fn mark(&self, headers: &mut HeaderMap, kind: Kind) {
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        if self.has_hsts {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, HTTPS_ONLY);
        }
        match kind {
            Kind::Document => {
                headers.insert(RESOURCE_POLICY, CROSS_ORIGIN);
            }
            Kind::Machine => {}
            Kind::Api => show_nothing(headers, NOTHING),
            Kind::Page => show_nothing(headers, PAGES),
        }
    }
}

fn show_nothing(headers: &mut HeaderMap, policy: HeaderValue) {
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::REFERRER_POLICY, NO_REFERRER);
    headers.insert(RESOURCE_POLICY, SAME_ORIGIN);
}
