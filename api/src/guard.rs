//! Guards: who may call a handler stands in its signature, around its input. Nothing of the input
//! is looked at before the guard has let the caller through.

use std::future::Future;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{Error, FromRequest, HttpRequest};
use licentia_domain::actors::{Actor, Caller};
use licentia_domain::products::Visible;
use licentia_domain::sessions::{Door, SessionError};
use licentia_domain::{api_keys, sessions};
use licentia_types::permissions::Permission;

use crate::credentials::{self, CredentialsError};
use crate::limits::{self, Named};
use crate::problem::ApiError;
use crate::{Ctx, idempotency, listeners, parameters, proxies, requests};

mod people;

pub(crate) use people::{AsCustomer, Confirming, ConfirmingCustomer, Returning, SignedIn, SigningIn};

/// An extractor at work.
pub(crate) type Extracting<T, E = ApiError> = Pin<Box<dyn Future<Output = Result<T, E>>>>;

/// Permissions as types, for signatures.
pub(crate) mod perm {
    use super::Permission;

    /// A permission as a type.
    pub(crate) trait Needed: 'static {
        /// Which one.
        const PERMISSION: Permission;
    }

    macro_rules! needed {
        ($($name:ident),*) => {
            $(
                #[derive(Debug)]
                pub(crate) enum $name {}

                impl Needed for $name {
                    const PERMISSION: Permission = Permission::$name;
                }
            )*
        };
    }

    needed!(
        CatalogRead,
        Catalog,
        CustomersRead,
        Customers,
        LicensesRead,
        Licenses,
        LicensesReveal,
        LicensesAudit,
        LicensesImport,
        ActivationsRead,
        Activations,
        KeysRead,
        Keys,
        AssembliesRead,
        Assemblies,
        Audit,
        Usage,
        Metrics,
        MailsRead,
        Mails,
        AdminsRead,
        Admins
    );
}

/// Somebody with the permission `P`, and then the input.
#[derive(Debug)]
pub(crate) struct Allowed<P, I = ()>(Call<I>, PhantomData<P>);

/// Somebody with the permission `P` and without groups: what is done here concerns everybody.
#[derive(Debug)]
pub(crate) struct Unbounded<P, I = ()>(Call<I>, PhantomData<P>);

/// Anybody: without credentials, or with those of anybody who signed in.
#[derive(Debug)]
pub(crate) struct Visitor<I = ()>(Call<I>);

/// Anybody, counted by what the input names.
#[derive(Debug)]
pub(crate) struct Machine<I>(Call<I>);

/// A machine without credentials, which proves itself in its body, or somebody with the permission `P`.
#[derive(Debug)]
pub(crate) struct MachineOr<P, I = ()>(Call<I>, PhantomData<P>);

#[derive(Debug)]
struct Call<I> {
    caller: Caller,
    input: I,
}

impl<P, I> Allowed<P, I> {
    /// Who calls, with what.
    pub(crate) fn open(self) -> (Caller, I) {
        (self.0.caller, self.0.input)
    }
}

impl<P, I> Unbounded<P, I> {
    /// Who calls, with what.
    pub(crate) fn open(self) -> (Caller, I) {
        (self.0.caller, self.0.input)
    }
}

impl<I> Visitor<I> {
    /// Who calls, with what.
    pub(crate) fn open(self) -> (Caller, I) {
        (self.0.caller, self.0.input)
    }
}

impl<I> Machine<I> {
    /// Who calls, with what.
    pub(crate) fn open(self) -> (Caller, I) {
        (self.0.caller, self.0.input)
    }
}

impl<P, I> MachineOr<P, I> {
    /// Who calls, with what.
    pub(crate) fn open(self) -> (Caller, I) {
        (self.0.caller, self.0.input)
    }
}

impl<P: perm::Needed, I: FromRequest + 'static> FromRequest for Allowed<P, I> {
    type Error = Error;
    type Future = Extracting<Self, Error>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        extract(
            request,
            payload,
            |actor| expect(actor.ok_or(CredentialsError::Missing)?, P::PERMISSION),
            |call| Self(call, PhantomData),
        )
    }
}

impl<P: perm::Needed, I: FromRequest + 'static> FromRequest for Unbounded<P, I> {
    type Error = Error;
    type Future = Extracting<Self, Error>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let judge = |actor: Option<Actor>| {
            let actor = expect(actor.ok_or(CredentialsError::Missing)?, P::PERMISSION)?;
            if actor.is_unbounded() { Ok(actor) } else { Err(CredentialsError::Bounded) }
        };
        extract(request, payload, judge, |call| Self(call, PhantomData))
    }
}

impl<I: FromRequest + 'static> FromRequest for Visitor<I> {
    type Error = Error;
    type Future = Extracting<Self, Error>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        extract(request, payload, |actor| Ok(actor.unwrap_or(Actor::Anonymous)), Self)
    }
}

impl<I: FromRequest + Named + 'static> FromRequest for Machine<I> {
    type Error = Error;
    type Future = Extracting<Self, Error>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let ip = proxies::client(&request);
            let called = async {
                let nobody = nobody(&request, ip);
                let actor = authenticate(&request, &nobody).await?.unwrap_or(Actor::Anonymous);
                call(&request, &mut payload, Caller { actor, ..nobody }).await
            };
            match called.await {
                Ok(call) => {
                    limits::count_named(&request, ip, &call.input).await?;
                    Ok(Self(call))
                }
                // It named nothing.
                Err(error) => {
                    limits::count(&request, ip, None).await?;
                    Err(error)
                }
            }
        })
    }
}

impl<P: perm::Needed, I: FromRequest + 'static> FromRequest for MachineOr<P, I> {
    type Error = Error;
    type Future = Extracting<Self, Error>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let judge =
            |actor: Option<Actor>| actor.map_or(Ok(Actor::Anonymous), |actor| expect(actor, P::PERMISSION));
        extract(request, payload, judge, |call| Self(call, PhantomData))
    }
}

/// Finds out who calls, counts it, judges it, and only then extracts the input.
fn extract<T: 'static, I: FromRequest + 'static>(
    request: &HttpRequest,
    payload: &mut Payload,
    judge: impl FnOnce(Option<Actor>) -> Result<Actor, CredentialsError> + 'static,
    wrap: impl FnOnce(Call<I>) -> T + 'static,
) -> Extracting<T, Error> {
    let (request, mut payload) = (request.clone(), payload.take());
    Box::pin(async move {
        let ip = proxies::client(&request);
        let nobody = nobody(&request, ip);
        let actor = authenticate(&request, &nobody).await;
        limits::count(&request, ip, actor.as_ref().ok().and_then(Option::as_ref)).await?;
        let actor = judge(actor?).map_err(ApiError::from)?;
        Ok(wrap(call(&request, &mut payload, Caller { actor, ..nobody }).await?))
    })
}

/// Whoever calls, before it is known who that is.
fn nobody(request: &HttpRequest, ip: Option<IpAddr>) -> Caller {
    Caller { actor: Actor::Anonymous, ip, request_id: requests::id(request), once: None }
}

/// Extracts the input of somebody who may call.
async fn call<I: FromRequest + 'static>(
    request: &HttpRequest,
    payload: &mut Payload,
    caller: Caller,
) -> Result<Call<I>, Error> {
    let input = I::from_request(request, payload).await.map_err(Into::into)?;
    parameters::expect_read(request)?;
    let once = idempotency::claim(request, &caller.actor).await?;
    Ok(Call { caller: Caller { once, ..caller }, input })
}

/// The one place where credentials become somebody.
async fn authenticate(request: &HttpRequest, caller: &Caller) -> Result<Option<Actor>, ApiError> {
    let Some(secret) = credentials::secret(request.headers())? else {
        return Ok(None);
    };
    let ctx = request.app_data::<Ctx>().ok_or(CredentialsError::Unreadable)?;
    // A token has dots, a key has none.
    let is_token = secret.contains('.');
    match listeners::of(request).door() {
        door @ Door::Customers if is_token => {
            // A customer's, or none: nobody finds out here what it would be elsewhere.
            let found = sessions::authenticate(ctx, secret, door).await;
            Ok(Some(found.or_else(not_here)?))
        }
        // Whether it is good is not even looked at.
        Door::Customers => Err(CredentialsError::NotHere.into()),
        door @ Door::Everybody if is_token => Ok(Some(sessions::authenticate(ctx, secret, door).await?)),
        Door::Everybody => Ok(Some(api_keys::authenticate(ctx, caller, secret).await?)),
    }
}

fn not_here(error: SessionError) -> Result<Actor, ApiError> {
    match error {
        SessionError::Unauthenticated => Err(CredentialsError::NotHere.into()),
        failed => Err(failed.into()),
    }
}

fn expect(actor: Actor, needed: Permission) -> Result<Actor, CredentialsError> {
    if actor.may(needed) { Ok(actor) } else { Err(CredentialsError::Denied(needed.as_str())) }
}

/// One permission more, which only some input needs.
pub(crate) fn expect_also(caller: &Caller, needed: Permission) -> Result<(), CredentialsError> {
    if caller.actor.may(needed) { Ok(()) } else { Err(CredentialsError::Denied(needed.as_str())) }
}

/// Archived products are shown to those who may read all of the catalogue.
pub(crate) fn visible_to(caller: &Caller) -> Visible {
    if caller.actor.may(Permission::CatalogRead) { Visible::All } else { Visible::Active }
}
