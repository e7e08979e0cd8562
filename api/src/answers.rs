//! Answers: what was made with its place, what can be edited with its version. JSON is compact.

use actix_web::body::BoxBody;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, Responder};
use licentia_domain::activations::{Activated, Admission};
use licentia_domain::edits::Edited;
use licentia_types::activation_claims::AwaitingApprovalResponse;
use licentia_types::activations::{ActivateResponse, ActivationResponse};
use licentia_types::admins::{AdminResponse, InvitedAdminResponse};
use licentia_types::api_keys::{ApiKeyResponse, IssuedApiKeyResponse};
use licentia_types::customers::CustomerResponse;
use licentia_types::features::FeatureResponse;
use licentia_types::groups::GroupResponse;
use licentia_types::impact::ImpactResponse;
use licentia_types::imports::ImportResponse;
use licentia_types::license_files::{CheckoutResponse, LicenseFileResponse};
use licentia_types::licenses::{IssuedLicenseResponse, LicenseResponse};
use licentia_types::mails::MailResponse;
use licentia_types::products::ProductResponse;
use licentia_types::roles::RoleResponse;
use licentia_types::tiers::TierResponse;
use serde::Serialize;

use crate::listeners::{self, Listener};
use crate::{Ctx, if_match};

/// Something with a place of its own.
pub(crate) trait Resource: Serialize {
    /// The path of its list, under `/api/v1`.
    const COLLECTION: &'static str;

    /// Its id.
    fn id(&self) -> String;

    /// For `If-Match`, where it can be edited.
    fn version(&self) -> Option<i64>;
}

macro_rules! resource {
    ($type:ty, $collection:literal, $($id:ident).+ $(, $($version:ident).+)?) => {
        impl Resource for $type {
            const COLLECTION: &'static str = $collection;

            fn id(&self) -> String {
                self.$($id).+.to_string()
            }

            fn version(&self) -> Option<i64> {
                None$(.or(Some(self.$($version).+)))?
            }
        }
    };
}

resource!(ProductResponse, "products", id, version);
resource!(TierResponse, "pricing-tiers", id, version);
resource!(FeatureResponse, "product-features", id, version);
resource!(CustomerResponse, "customers", id, version);
resource!(AdminResponse, "admins", id, version);
resource!(InvitedAdminResponse, "admins", admin.id, admin.version);
resource!(GroupResponse, "groups", id, version);
resource!(ApiKeyResponse, "api-keys", id, version);
resource!(IssuedApiKeyResponse, "api-keys", key.id, key.version);
resource!(LicenseResponse, "license-keys", id, version);
resource!(IssuedLicenseResponse, "license-keys", license.id, license.version);
resource!(ImportResponse, "imports", id);
resource!(MailResponse, "mails", id);
resource!(ActivationResponse, "license-activations", id);
resource!(ActivateResponse, "license-activations", activation.id);

impl Resource for LicenseFileResponse {
    const COLLECTION: &'static str = "license-keys";

    fn id(&self) -> String {
        format!("{}/files/{}", self.license_id, self.id)
    }

    fn version(&self) -> Option<i64> {
        None
    }
}

impl Resource for RoleResponse {
    const COLLECTION: &'static str = "roles";

    fn id(&self) -> String {
        self.name.to_string()
    }

    /// A built-in one is never edited.
    fn version(&self) -> Option<i64> {
        self.version
    }
}

impl Resource for CheckoutResponse {
    const COLLECTION: &'static str = LicenseFileResponse::COLLECTION;

    fn id(&self) -> String {
        self.file.id()
    }

    fn version(&self) -> Option<i64> {
        None
    }
}

/// What a customer checked out: its place is among what is his own.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct OwnCheckout(pub(crate) CheckoutResponse);

impl Resource for OwnCheckout {
    const COLLECTION: &'static str = "user/licenses";

    fn id(&self) -> String {
        self.0.file.id()
    }

    fn version(&self) -> Option<i64> {
        None
    }
}

/// 202: it was written down, and is done by and by.
#[derive(Debug)]
pub(crate) struct Accepted;

impl Responder for Accepted {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Accepted().finish()
    }
}

/// 200 with the thing and its version.
#[derive(Debug)]
pub(crate) struct Found<T>(pub(crate) T);

/// 201 with the thing, its place and its version.
#[derive(Debug)]
pub(crate) struct Created<T>(pub(crate) T);

/// 201 when it was made, 200 when it was there.
#[derive(Debug)]
pub(crate) struct CreatedOrFound<T> {
    /// The thing.
    pub(crate) thing: T,
    /// Whether it was made.
    pub(crate) created: bool,
}

/// 201 or 200 for a machine that was activated, 202 for one that waits until somebody lets it in.
#[derive(Debug)]
pub(crate) struct Admitted(pub(crate) Admission);

/// What an edit led to, or (200) what it would touch.
#[derive(Debug)]
pub(crate) enum Tried<R> {
    /// It was made.
    Done(R),
    /// It was only tried.
    Foreseen(ImpactResponse),
}

impl<R> Tried<R> {
    /// The answer to an edit; `done` answers one that was made.
    pub(crate) fn of<T>(edited: Edited<T>, done: impl FnOnce(T) -> R) -> Self {
        match edited {
            Edited::Done(thing) => Self::Done(done(thing)),
            Edited::Foreseen(impact) => Self::Foreseen(impact),
        }
    }
}

/// A body that is one of two, for the OpenAPI document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what `Tried` answers")]
pub(crate) enum OrImpact<T> {
    /// After the edit.
    Done(T),
    /// With `dryRun=true`.
    Foreseen(ImpactResponse),
}

/// 204.
#[derive(Debug)]
pub(crate) struct NoContent;

impl<T: Resource> Responder for Found<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        json(HttpResponse::Ok(), &self.0)
    }
}

impl<T: Resource> Responder for Created<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let mut answer = HttpResponse::Created();
        answer.insert_header((header::LOCATION, place(&self.0, request)));
        json(answer, &self.0)
    }
}

impl<T: Resource> Responder for CreatedOrFound<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        if self.created {
            Created(self.thing).respond_to(request)
        } else {
            Found(self.thing).respond_to(request)
        }
    }
}

impl Responder for Admitted {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        match self.0 {
            Admission::Activated(activated) => {
                let Activated { response: thing, created } = *activated;
                CreatedOrFound { thing, created }.respond_to(request)
            }
            Admission::Waits(claim) => HttpResponse::Accepted()
                .insert_header((header::RETRY_AFTER, claim.poll_after_seconds))
                .json(AwaitingApprovalResponse { claim }),
        }
    }
}

impl<R: Responder<Body = BoxBody>> Responder for Tried<R> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        match self {
            Self::Done(answer) => answer.respond_to(request),
            Self::Foreseen(impact) => HttpResponse::Ok().json(impact),
        }
    }
}

impl Responder for NoContent {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::NoContent().finish()
    }
}

fn json(mut answer: HttpResponseBuilder, thing: &impl Resource) -> HttpResponse {
    if let Some(version) = thing.version() {
        answer.insert_header((header::ETAG, if_match::etag(version)));
    }
    answer.json(thing)
}

/// Below the issuer: the only base that is known to be the public one. What the administration made on a listener of its
/// own is not there, but where it asked (RFC 9110 §10.2.2).
fn place<T: Resource>(thing: &T, request: &HttpRequest) -> String {
    let issuer = match listeners::of(request) {
        Listener::Admin => "",
        Listener::Only | Listener::Public => {
            request.app_data::<Ctx>().map_or("", |ctx| ctx.settings.issuer.as_str())
        }
    };
    format!("{issuer}/api/v1/{}/{}", T::COLLECTION, thing.id())
}

/// Keeps an answer out of every cache, unless its handler says otherwise: it may hold tokens and keys.
pub(crate) fn keep_private(headers: &mut HeaderMap) {
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
