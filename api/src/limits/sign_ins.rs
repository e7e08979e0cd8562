//! What tries to sign in are counted by.

use actix_web::HttpRequest;
use licentia_domain::actors::{Actor, Caller};
use licentia_domain::sessions;
use licentia_types::accounts::{ConfirmRegistrationRequest, RegisterRequest, SignInCodeRequest};
use licentia_types::admins::{
    ChangePasswordRequest, ForgottenPasswordRequest, ResetPasswordRequest, SetupRequest,
};
use licentia_types::secret::SecretText;
use licentia_types::sessions::{
    ConfirmTotpRequest, DisableTotpRequest, EnrollTotpRequest, LoginRequest, RenewRecoveryCodesRequest,
    SecondFactorRequest,
};
use licentia_types::text::Email;

use super::Rule;
use crate::Ctx;
use crate::body::{Body, OptionalBody};
use crate::browser::Browser;

/// A try to sign in.
pub(crate) struct Attempt {
    /// Passwords and codes have buckets of their own: a sign-in takes one of each.
    pub(super) rule: Rule,
    /// Whose account, in one spelling; none where none is named.
    pub(super) account: Option<String>,
}

/// Input by which somebody tries to sign in.
pub(crate) trait Attempted {
    /// What it is counted by.
    fn attempt(&self, request: &HttpRequest, caller: &Caller) -> Attempt;
}

impl<T: Attempted> Attempted for (Browser, T) {
    fn attempt(&self, request: &HttpRequest, caller: &Caller) -> Attempt {
        self.1.attempt(request, caller)
    }
}

impl Attempted for Body<LoginRequest> {
    fn attempt(&self, _: &HttpRequest, _: &Caller) -> Attempt {
        let rule = if self.0.code.is_some() { Rule::LoginCode } else { Rule::Login };
        Attempt { rule, account: Some(address(&self.0.email)) }
    }
}

impl Attempted for Body<RegisterRequest> {
    fn attempt(&self, _: &HttpRequest, _: &Caller) -> Attempt {
        Attempt { rule: Rule::Letter, account: Some(address(&self.0.email)) }
    }
}

impl Attempted for Body<SignInCodeRequest> {
    fn attempt(&self, _: &HttpRequest, _: &Caller) -> Attempt {
        Attempt { rule: Rule::Letter, account: Some(address(&self.0.email)) }
    }
}

impl Attempted for Body<ConfirmRegistrationRequest> {
    fn attempt(&self, _: &HttpRequest, _: &Caller) -> Attempt {
        Attempt { rule: Rule::Login, account: None }
    }
}

impl Attempted for Body<SetupRequest> {
    fn attempt(&self, _: &HttpRequest, _: &Caller) -> Attempt {
        Attempt { rule: Rule::Login, account: None }
    }
}

impl Attempted for Body<ResetPasswordRequest> {
    fn attempt(&self, _: &HttpRequest, _: &Caller) -> Attempt {
        Attempt { rule: Rule::Login, account: None }
    }
}

impl Attempted for Body<ForgottenPasswordRequest> {
    fn attempt(&self, _: &HttpRequest, _: &Caller) -> Attempt {
        // Whoever asks for letters keeps nobody from signing in.
        Attempt { rule: Rule::Letter, account: Some(address(&self.0.email)) }
    }
}

impl Attempted for Body<ChangePasswordRequest> {
    fn attempt(&self, _: &HttpRequest, caller: &Caller) -> Attempt {
        Attempt { rule: Rule::Login, account: signed_in(caller) }
    }
}

impl Attempted for Body<SecondFactorRequest> {
    fn attempt(&self, request: &HttpRequest, caller: &Caller) -> Attempt {
        with_code(request, caller, Some(&self.0.challenge))
    }
}

impl Attempted for OptionalBody<EnrollTotpRequest> {
    fn attempt(&self, request: &HttpRequest, caller: &Caller) -> Attempt {
        match &self.0.challenge {
            None => Attempt { rule: Rule::Login, account: signed_in(caller) },
            challenge => with_code(request, caller, challenge.as_ref()),
        }
    }
}

impl Attempted for Body<ConfirmTotpRequest> {
    fn attempt(&self, request: &HttpRequest, caller: &Caller) -> Attempt {
        with_code(request, caller, self.0.challenge.as_ref())
    }
}

impl Attempted for Body<DisableTotpRequest> {
    fn attempt(&self, _: &HttpRequest, caller: &Caller) -> Attempt {
        Attempt { rule: Rule::Login, account: signed_in(caller) }
    }
}

impl Attempted for Body<RenewRecoveryCodesRequest> {
    fn attempt(&self, request: &HttpRequest, caller: &Caller) -> Attempt {
        with_code(request, caller, None)
    }
}

/// As accounts are compared: capitals make no difference.
fn address(email: &Email) -> String {
    email.as_str().to_lowercase()
}

/// By whose challenge it is; a challenge that is made up names nobody.
fn with_code(request: &HttpRequest, caller: &Caller, challenge: Option<&SecretText>) -> Attempt {
    let named = challenge.and_then(|text| {
        let ctx = request.app_data::<Ctx>()?;
        sessions::account(ctx, text.expose()).map(|admin| admin.to_string())
    });
    Attempt { rule: Rule::LoginCode, account: named.or_else(|| signed_in(caller)) }
}

fn signed_in(caller: &Caller) -> Option<String> {
    match &caller.actor {
        Actor::Admin { id, .. } => Some(id.to_string()),
        Actor::Customer { id, .. } => Some(id.to_string()),
        _ => None,
    }
}
