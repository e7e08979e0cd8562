//! The addresses that the server listens on: one for everything, or one for machines and the public and another
//! (`server.admin_bind`) for whoever administers.
//!
//! On the public one of two, what needs a permission does not exist, and credentials open nothing: whether they are good
//! is not looked at. Customers come in there, for what is their own. Which operations are public stands in the list of
//! routes ([`crate::router`]).

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use licentia_domain::sessions::Door;

/// At which of the server's addresses a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    /// The only one: it serves everything.
    Only,
    /// For machines and the public, beside one for the administration.
    Public,
    /// `server.admin_bind`: it serves everything.
    Admin,
}

impl Listener {
    /// Whether those with permissions are served, and the pages for people.
    pub(crate) const fn serves_principals(self) -> bool {
        match self {
            Self::Only | Self::Admin => true,
            Self::Public => false,
        }
    }

    /// Who may sign in, and stay.
    pub(crate) const fn door(self) -> Door {
        if self.serves_principals() { Door::Everybody } else { Door::Customers }
    }
}

/// Where the request came in.
impl FromRequest for Listener {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(of(request)))
    }
}

/// Where a request came in. What is not known serves nobody with credentials.
pub(crate) fn of(request: &HttpRequest) -> Listener {
    request.app_data::<Listener>().copied().unwrap_or(Listener::Public)
}
