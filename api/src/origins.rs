//! Which pages may sign in: a browser says with `Origin` (RFC 6454 §7) whose page asks. Whoever is no browser sends none.

use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpRequest, web};
use licentia_domain::refusal::Refusal;
use licentia_types::problems::ProblemCode;
use serde::{Deserialize, Serialize};
use url::{Origin, Url};

use crate::Ctx;
use crate::problem::ApiError;

/// Fetch Metadata (W3C): browsers send it also where they leave `Origin` out.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Origins, such as `https://admin.example.com`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origins(Vec<String>);

/// Why a text is no list of origins.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is a list of origins, such as \"https://admin.example.com\"; this is none: `{0}`")]
pub struct NotAnOrigin(String);

impl TryFrom<String> for Origins {
    type Error = NotAnOrigin;

    fn try_from(text: String) -> Result<Self, NotAnOrigin> {
        let origin = |text: &str| {
            let text = text.trim();
            let found = origin(text).filter(|found| found == text.trim_end_matches('/'));
            found.ok_or_else(|| NotAnOrigin(text.to_owned()))
        };
        text.split(',').map(origin).collect::<Result<_, _>>().map(Self)
    }
}

impl From<Origins> for String {
    fn from(origins: Origins) -> Self {
        origins.0.join(", ")
    }
}

/// The origin of an http(s) URL, as browsers write it.
fn origin(url: &str) -> Option<String> {
    match Url::parse(url).ok()?.origin() {
        origin @ Origin::Tuple(..) => Some(origin.ascii_serialization()),
        Origin::Opaque(_) => None,
    }
}

#[derive(Debug, thiserror::Error)]
#[error(
    "pages of this origin may not sign in here: open the server under its public URL, or name the origin in admin.origins"
)]
struct OriginRefused;

impl Refusal for OriginRefused {
    fn code(&self) -> ProblemCode {
        ProblemCode::OriginRefused
    }
}

/// Lets pages of our own through, and whoever is no browser.
///
/// # Errors
/// When another page asks.
pub(crate) fn expect_own(request: &HttpRequest) -> Result<(), ApiError> {
    let headers = request.headers();
    let ours = match headers.get(header::ORIGIN) {
        Some(given) => given.to_str().is_ok_and(|given| is_own(request, given)),
        None => headers.get(FETCH_SITE).is_none_or(|site| site == "same-origin" || site == "none"),
    };
    if ours { Ok(()) } else { Err(OriginRefused.into()) }
}

fn is_own(request: &HttpRequest, given: &str) -> bool {
    let issuer = request.app_data::<Ctx>().and_then(|ctx| origin(&ctx.settings.issuer));
    let named = request.app_data::<web::Data<Origins>>();
    issuer.as_deref() == Some(given) || named.is_some_and(|named| named.0.iter().any(|one| one == given))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        let origins = Origins::try_from("https://a.example, http://127.0.0.1:8080/".to_owned()).unwrap();
        assert_eq!(origins.0, ["https://a.example", "http://127.0.0.1:8080"]);
        for text in [
            "",
            "a.example",
            "https://a.example/admin",
            "https://A.example",
            "file:///",
            "https://a.example:443",
        ] {
            assert!(Origins::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
