//! What a browser brings along beside the body, and what it is given to keep: the cookie by which a session is renewed.

use std::future::{Ready, ready};

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use licentia_types::time::Seconds;
use secrecy::{ExposeSecret, SecretString};

use crate::problem::ApiError;

/// `__Host-`: set by this host alone, over TLS, for all of it (RFC 6265bis §4.1.3.2).
const COOKIE: &str = "__Host-licentia_session";
/// Of what a browser says of itself, so much is kept.
const LONGEST_USER_AGENT: usize = 200;

/// Who asks, as far as headers tell.
#[derive(Debug)]
pub(crate) struct Browser {
    /// What it calls itself.
    pub(crate) user_agent: Option<String>,
    /// The cookie that it kept.
    pub(crate) cookie: Option<SecretString>,
}

impl Browser {
    /// The cookie; the empty text where there is none.
    pub(crate) fn cookie(&self) -> &str {
        self.cookie.as_ref().map_or("", |cookie| cookie.expose_secret())
    }
}

impl FromRequest for Browser {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let user_agent = request.headers().get(header::USER_AGENT).and_then(|text| text.to_str().ok());
        let cookie = request.cookie(COOKIE).map(|cookie| SecretString::from(cookie.value()));
        ready(Ok(Self {
            user_agent: user_agent.map(|text| text.chars().take(LONGEST_USER_AGENT).collect()),
            cookie,
        }))
    }
}

/// The cookie to keep.
pub(crate) fn kept(secret: &SecretString, life: Seconds) -> Cookie<'_> {
    cookie(secret.expose_secret(), Duration::seconds(life.get()))
}

/// Nothing is to be kept any more.
pub(crate) fn forgotten() -> Cookie<'static> {
    cookie("", Duration::ZERO)
}

fn cookie(value: &str, life: Duration) -> Cookie<'_> {
    Cookie::build(COOKIE, value)
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .max_age(life)
        .finish()
}
