//! Guards: who may call a handler stands in its signature, around its input. Nothing of the input
//! is looked at before the guard has let the caller through.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{Error, FromRequest, HttpRequest};
use licentia_domain::actors::{Actor, Caller};
use licentia_domain::api_keys;
use licentia_domain::products::Visible;
use licentia_types::permissions::Permission;

use crate::credentials::{self, CredentialsError};
use crate::problem::ApiError;
use crate::{Ctx, idempotency, parameters, requests};

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
        AdminsRead,
        Admins
    );
}

/// Somebody with the permission `P`, and then the input.
#[derive(Debug)]
pub(crate) struct Allowed<P, I = ()>(Call<I>, PhantomData<P>);

/// Anybody: without credentials, or with those of any API key.
#[derive(Debug)]
pub(crate) struct Visitor<I = ()>(Call<I>);

/// A machine without credentials, which proves itself in its body, or an API key with `P`.
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

impl<I> Visitor<I> {
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

impl<I: FromRequest + 'static> FromRequest for Visitor<I> {
    type Error = Error;
    type Future = Extracting<Self, Error>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        extract(request, payload, |actor| Ok(actor.unwrap_or(Actor::Anonymous)), Self)
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

/// Finds out who calls, judges it, and only then extracts the input.
fn extract<T: 'static, I: FromRequest + 'static>(
    request: &HttpRequest,
    payload: &mut Payload,
    judge: impl FnOnce(Option<Actor>) -> Result<Actor, CredentialsError> + 'static,
    wrap: impl FnOnce(Call<I>) -> T + 'static,
) -> Extracting<T, Error> {
    let (request, mut payload) = (request.clone(), payload.take());
    Box::pin(async move {
        let caller = Caller {
            actor: Actor::Anonymous,
            ip: request.peer_addr().map(|address| address.ip()),
            request_id: requests::id(&request),
        };
        let actor = judge(authenticate(&request, &caller).await?).map_err(ApiError::from)?;
        idempotency::refuse(&request, &actor).map_err(ApiError::from)?;
        let caller = Caller { actor, ..caller };
        let input = I::from_request(&request, &mut payload).await.map_err(Into::into)?;
        parameters::expect_read(&request)?;
        Ok(wrap(Call { caller, input }))
    })
}

/// The one place where credentials become somebody.
async fn authenticate(request: &HttpRequest, caller: &Caller) -> Result<Option<Actor>, ApiError> {
    let Some(secret) = credentials::secret(request.headers())? else {
        return Ok(None);
    };
    let ctx = request.app_data::<Ctx>().ok_or(CredentialsError::Unreadable)?;
    Ok(Some(api_keys::authenticate(ctx, caller, secret).await?))
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
