//! `Idempotency-Key`: a request that may be sent again, with one effect.
//!
//! A handler whose effect is kept says so in its signature: [`Once`] around its input, or [`AllowedOnce`]. Elsewhere the
//! header of somebody who signed in is refused: whoever sends it relies on it. Machines' calls are idempotent by themselves.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};
use futures_util::StreamExt;
use licentia_domain::actors::Actor;
use licentia_domain::once::{self, Asked, OnceError, OnceKey};
use licentia_domain::refusal::Refusal;
use licentia_types::problems::ProblemCode;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, Required};

use crate::guard::{Allowed, Extracting, Unbounded};
use crate::problem::ApiError;
use crate::{Ctx, body};

/// The header, as OpenAPI names it.
pub(crate) const NAME: &str = "Idempotency-Key";
/// The header of an answer that was given before.
pub(crate) const REPLAYED: &str = "Idempotent-Replayed";

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED_HEADER: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The input of an operation that is done once for one key.
#[derive(Debug)]
pub(crate) struct Once<I>(pub(crate) I);

/// Somebody with the permission `P`, who may ask for it once.
pub(crate) type AllowedOnce<P, I> = Allowed<P, Once<I>>;

/// The same for somebody who is bounded by no groups.
pub(crate) type UnboundedOnce<P, I = ()> = Unbounded<P, Once<I>>;

/// The same as [`Once`] where the operation takes the body as it comes.
#[derive(Debug)]
pub(crate) struct OnceComing<I>(pub(crate) I);

/// The header, for the OpenAPI document.
pub(crate) struct IdempotencyKey;

/// What was asked, left for the guard.
struct Left(Rc<RefCell<Asked>>);

/// What is answered was done before.
struct Replayed;

#[derive(Debug, thiserror::Error)]
#[error("this call takes no Idempotency-Key: send it without")]
struct NotTaken;

impl Refusal for NotTaken {
    fn code(&self) -> ProblemCode {
        ProblemCode::NotSupported
    }
}

impl<I: FromRequest + 'static> FromRequest for Once<I> {
    type Error = Error;
    type Future = Extracting<Self, Error>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            if !request.headers().contains_key(HEADER) {
                return I::from_request(&request, &mut payload).await.map(Self).map_err(Into::into);
            }
            let asked = Rc::new(RefCell::new(asked(&request)));
            let mut payload = watched(payload, Rc::clone(&asked));
            let input = I::from_request(&request, &mut payload).await.map_err(Into::into)?;
            // What the input left of the body is a part of the request, too.
            body::pass(&request, payload).await?;
            request.extensions_mut().insert(Left(asked));
            Ok(Self(input))
        })
    }
}

impl<I: FromRequest + 'static> FromRequest for OnceComing<I> {
    type Error = Error;
    type Future = Extracting<Self, Error>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        request.extensions_mut().insert(Left(Rc::new(RefCell::new(asked(request).coming()))));
        let input = I::from_request(request, payload);
        Box::pin(async move { input.await.map(Self).map_err(Into::into) })
    }
}

/// What is asked, before its body.
fn asked(request: &HttpRequest) -> Asked {
    Asked::begin(format!("{} {}", request.method(), request.path()), request.query_string())
}

/// The same body, of which every piece is taken for the digest as it passes.
fn watched(payload: Payload, asked: Rc<RefCell<Asked>>) -> Payload {
    let pieces = payload.inspect(move |piece| {
        if let Ok(piece) = piece {
            asked.borrow_mut().take(piece);
        }
    });
    Payload::Stream { payload: Box::pin(pieces) }
}

/// What `actor` asks to be done once, if he does. Asked by the guard, when it has the input.
pub(crate) async fn claim(request: &HttpRequest, actor: &Actor) -> Result<Option<Arc<once::Once>>, ApiError> {
    let mut given = request.headers().get_all(HEADER);
    let Some(key) = given.next().filter(|_| request.method() == Method::POST && actor.came_in()) else {
        return Ok(None);
    };
    let Some(Left(asked)) = request.extensions_mut().remove() else {
        return Err(NotTaken.into());
    };
    let key: OnceKey = key.to_str().map_err(|_| OnceError::NoKey)?.parse()?;
    if given.next().is_some() {
        return Err(OnceError::NoKey.into());
    }
    let ctx = request.app_data::<Ctx>().ok_or(NotTaken)?;
    let asked = asked.borrow().clone();
    let once = once::claim(ctx, actor, &key, asked).await?;
    if once.is_answered() {
        request.extensions_mut().insert(Replayed);
    }
    Ok(Some(once))
}

/// Says of an answer that it was given before.
pub(crate) fn mark(headers: &mut HeaderMap, request: &HttpRequest) {
    if request.extensions().contains::<Replayed>() {
        headers.insert(REPLAYED_HEADER, HeaderValue::from_static("true"));
    }
}

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let meaning = "1 to 255 visible ASCII characters that name this request: sent again with the same key within 24 \
                       hours, it has no second effect and gets the same answer.";
        let schema = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(255))
            .examples(["8e03978e-40d5-43dd-bc93-6894a57f9324"]);
        let parameter = ParameterBuilder::new()
            .name(NAME)
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(meaning))
            .schema(Some(schema));
        vec![parameter.build()]
    }
}
