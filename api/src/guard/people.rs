//! Guards of people: whoever signs in, stays in, or shows once more who he is.

use actix_web::dev::Payload;
use actix_web::{Error, FromRequest, HttpRequest};
use licentia_domain::actors::{Actor, Caller};

use super::{Call, Extracting, authenticate, call, extract, nobody};
use crate::credentials::CredentialsError;
use crate::limits::{self, Attempted};
use crate::problem::ApiError;
use crate::{own_pages, proxies};

/// Anybody who tries to sign in, from a page of ours or from no page at all; counted by account and network.
#[derive(Debug)]
pub(crate) struct SigningIn<I = ()>(Call<I>);

/// Whoever comes back with his cookie, from a page of ours or from no page at all. A token that is over is as none.
#[derive(Debug)]
pub(crate) struct Returning<I = ()>(Call<I>);

/// An admin who signed in and shows once more who he is; counted by account and network.
#[derive(Debug)]
pub(crate) struct Confirming<I>(Call<I>);

/// A customer who signed in and shows once more who he is; counted by account and network.
#[derive(Debug)]
pub(crate) struct ConfirmingCustomer<I>(Call<I>);

/// An admin who signed in, and then the input.
#[derive(Debug)]
pub(crate) struct SignedIn<I = ()>(Call<I>);

/// A customer who signed in, for what is his own, and then the input.
#[derive(Debug)]
pub(crate) struct AsCustomer<I = ()>(Call<I>);

impl<I> AsCustomer<I> {
    /// Who calls, with what.
    pub(crate) fn open(self) -> (Caller, I) {
        (self.0.caller, self.0.input)
    }
}

impl<I> SigningIn<I> {
    /// Who calls, with what.
    pub(crate) fn open(self) -> (Caller, I) {
        (self.0.caller, self.0.input)
    }
}

impl<I> Returning<I> {
    /// Who calls, with what.
    pub(crate) fn open(self) -> (Caller, I) {
        (self.0.caller, self.0.input)
    }
}

impl<I> Confirming<I> {
    /// Who calls, with what.
    pub(crate) fn open(self) -> (Caller, I) {
        (self.0.caller, self.0.input)
    }
}

impl<I> ConfirmingCustomer<I> {
    /// Who calls, with what.
    pub(crate) fn open(self) -> (Caller, I) {
        (self.0.caller, self.0.input)
    }
}

impl<I> SignedIn<I> {
    /// Who calls, with what.
    pub(crate) fn open(self) -> (Caller, I) {
        (self.0.caller, self.0.input)
    }
}

impl<I: FromRequest + Attempted + 'static> FromRequest for SigningIn<I> {
    type Error = Error;
    type Future = Extracting<Self, Error>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        attempt(request, payload, |actor| Ok(actor.unwrap_or(Actor::Anonymous)), Self)
    }
}

impl<I: FromRequest + Attempted + 'static> FromRequest for Confirming<I> {
    type Error = Error;
    type Future = Extracting<Self, Error>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let judge = |actor: Option<Actor>| expect_admin(actor.ok_or(CredentialsError::Missing)?);
        attempt(request, payload, judge, Self)
    }
}

impl<I: FromRequest + Attempted + 'static> FromRequest for ConfirmingCustomer<I> {
    type Error = Error;
    type Future = Extracting<Self, Error>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let judge = |actor: Option<Actor>| expect_customer(actor.ok_or(CredentialsError::Missing)?);
        attempt(request, payload, judge, Self)
    }
}

impl<I: FromRequest + 'static> FromRequest for Returning<I> {
    type Error = Error;
    type Future = Extracting<Self, Error>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let ip = proxies::client(&request);
            limits::count(&request, ip, None).await?;
            own_pages::expect(&request)?;
            let nobody = nobody(&request, ip);
            let actor = authenticate(&request, &nobody).await.ok().flatten().unwrap_or(Actor::Anonymous);
            Ok(Self(call(&request, &mut payload, Caller { actor, ..nobody }).await?))
        })
    }
}

impl<I: FromRequest + 'static> FromRequest for SignedIn<I> {
    type Error = Error;
    type Future = Extracting<Self, Error>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        extract(request, payload, |actor| expect_admin(actor.ok_or(CredentialsError::Missing)?), Self)
    }
}

impl<I: FromRequest + 'static> FromRequest for AsCustomer<I> {
    type Error = Error;
    type Future = Extracting<Self, Error>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        extract(request, payload, |actor| expect_customer(actor.ok_or(CredentialsError::Missing)?), Self)
    }
}

/// Lets somebody through who shows a password or a code: he comes from a page of ours, and is counted by what he shows.
fn attempt<T: 'static, I: FromRequest + Attempted + 'static>(
    request: &HttpRequest,
    payload: &mut Payload,
    judge: impl FnOnce(Option<Actor>) -> Result<Actor, CredentialsError> + 'static,
    wrap: impl FnOnce(Call<I>) -> T + 'static,
) -> Extracting<T, Error> {
    let (request, mut payload) = (request.clone(), payload.take());
    Box::pin(async move {
        let ip = proxies::client(&request);
        let nobody = nobody(&request, ip);
        let heard = async {
            own_pages::expect(&request)?;
            let actor = judge(authenticate(&request, &nobody).await?).map_err(ApiError::from)?;
            let caller = Caller { actor, ..nobody.clone() };
            call::<I>(&request, &mut payload, caller).await
        };
        match heard.await {
            Ok(call) => {
                let attempt = call.input.attempt(&request, &call.caller);
                limits::count_sign_in(&request, ip, &attempt).await?;
                Ok(wrap(call))
            }
            // It named nobody.
            Err(error) => {
                limits::count(&request, ip, None).await?;
                Err(error)
            }
        }
    })
}

fn expect_admin(actor: Actor) -> Result<Actor, CredentialsError> {
    if matches!(actor, Actor::Admin { .. }) { Ok(actor) } else { Err(CredentialsError::NoAdmin) }
}

fn expect_customer(actor: Actor) -> Result<Actor, CredentialsError> {
    if matches!(actor, Actor::Customer { .. }) { Ok(actor) } else { Err(CredentialsError::NoCustomer) }
}
