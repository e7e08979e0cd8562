//! Answers that come with the cookie of a session.

use actix_web::body::BoxBody;
use actix_web::{HttpRequest, HttpResponse, Responder};
use licentia_domain::sessions::{Entry, Opened};
use licentia_types::sessions::{LoginResponse, RecoveryCodes, TotpConfirmedResponse};

use crate::browser;

/// 200 with what a password was good for.
#[derive(Debug)]
pub(crate) struct Entered(pub(crate) Entry);

/// 200 with the next token.
#[derive(Debug)]
pub(crate) struct Renewed(pub(crate) Opened);

/// 200 with recovery codes, and maybe a session.
#[derive(Debug)]
pub(crate) struct Enrolled(pub(crate) licentia_domain::totp::Confirmed);

/// 204, and the cookie is forgotten.
#[derive(Debug)]
pub(crate) struct Left;

impl Responder for Entered {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut answer = HttpResponse::Ok();
        let body = match self.0 {
            Entry::SignedIn(opened) => {
                answer.cookie(browser::kept(&opened.cookie, opened.cookie_life));
                LoginResponse::SignedIn(opened.response)
            }
            Entry::TotpRequired(challenge) => LoginResponse::TotpRequired(challenge),
            Entry::TotpEnrollmentRequired(challenge) => LoginResponse::TotpEnrollmentRequired(challenge),
        };
        answer.json(body)
    }
}

impl Responder for Renewed {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let Opened { response, cookie, cookie_life } = self.0;
        HttpResponse::Ok().cookie(browser::kept(&cookie, cookie_life)).json(response)
    }
}

impl Responder for Enrolled {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut answer = HttpResponse::Ok();
        let signed_in = self.0.signed_in.map(|opened| {
            answer.cookie(browser::kept(&opened.cookie, opened.cookie_life));
            opened.response
        });
        answer.json(TotpConfirmedResponse { recovery_codes: RecoveryCodes(self.0.recovery_codes), signed_in })
    }
}

impl Responder for Left {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::NoContent().cookie(browser::forgotten()).finish()
    }
}
