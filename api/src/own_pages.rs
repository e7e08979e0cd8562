//! Which pages may sign in: a browser says with `Origin` whose page asks. Whoever is no browser sends none.

use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpRequest, web};
use licentia_domain::refusal::Refusal;
use licentia_types::problems::ProblemCode;

use crate::origins::Origins;
use crate::problem::ApiError;

/// Fetch Metadata (W3C): browsers send it also where they leave `Origin` out.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origins of this server's own pages.
#[derive(Debug)]
pub(crate) struct OwnPages(pub(crate) Origins);

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
pub(crate) fn expect(request: &HttpRequest) -> Result<(), ApiError> {
    let headers = request.headers();
    let ours = if headers.contains_key(header::ORIGIN) {
        let own = request.app_data::<web::Data<OwnPages>>();
        own.is_some_and(|own| own.0.listed(headers).is_some())
    } else {
        headers.get(FETCH_SITE).is_none_or(|site| site == "same-origin" || site == "none")
    };
    if ours { Ok(()) } else { Err(OriginRefused.into()) }
}
