//! The OpenAPI document: the handlers' own annotations, and what follows from their shape. What is served is the
//! committed document; a test holds that it is the generated one.

mod shape;

use actix_web::http::header;
use actix_web::{HttpResponse, get};
use licentia_types::problems::Problem;
use utoipa::openapi::path::Paths;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::router::{self, Operation};

/// Where the document is served.
pub(crate) const PATH: &str = "/api/v1/openapi.json";
/// The document as it was generated: describing everything takes megabytes, which a server would never give back.
const COMMITTED: &str = include_str!("../../openapi/openapi.json");

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Licentia",
        description = "A self-hosted software-licensing server. Machines activate a licence and get short-lived \
                       signed tokens, which programs verify offline against `/.well-known/jwks.json`.\n\n\
                       Whatever is refused is answered with a problem document (RFC 9457), whose `code` is one of a \
                       closed table. The permissions that an operation needs stand as the roles of its security.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT")
    ),
    tags(
        (name = "Products", description = "What is sold."),
        (name = "Pricing tiers", description = "What a product costs and grants, inherited from tier to tier."),
        (name = "Product features", description = "Named capabilities that tiers grant."),
        (name = "Customers", description = "Who owns licences."),
        (name = "Licences", description = "A customer's right to a product at a tier."),
        (name = "Licence files", description = "Longer-lived signed documents for machines that cannot call."),
        (name = "Activations", description = "Machines that hold the seats of a licence."),
        (name = "Machines", description = "What licensed programs call."),
        (name = "Assemblies", description = "Builds that machines may run."),
        (name = "Signing keys", description = "What tokens and documents are signed with."),
        (name = "Signing in", description = "Passwords, codes and sessions."),
        (name = "Portal", description = "What customers do for themselves."),
        (name = "Access", description = "Who may come in, and what they may do."),
        (name = "Mail", description = "Letters to people, and what became of them."),
        (name = "Audit", description = "What was done, and whether the record of it is whole."),
        (name = "Usage", description = "How much was validated, and what machines report."),
        (name = "Support", description = "Why something was refused, and whose it is."),
        (name = "Discovery", description = "Keys and addresses, for everybody."),
        (name = "Health", description = "For load balancers and operators.")
    ),
    components(schemas(Problem)),
    modifiers(&Credentials)
)]
struct Description;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The token of a session, or an API key: `lsk_…`"));
        let key = ApiKeyValue::with_description("X-Api-Key", "An API key: `lsk_…`");
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
        let customer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The token of a customer's session"));
        components.add_security_scheme("customer", SecurityScheme::Http(customer.build()));
        components.add_security_scheme("apiKey", SecurityScheme::ApiKey(ApiKey::Header(key)));
    }
}

/// The whole document, generated anew, the same each time.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Description::openapi();
    for operation in router::operations() {
        describe(&operation, &mut document);
    }
    shape::complete(&mut document);
    document
}

fn describe(operation: &Operation, document: &mut utoipa::openapi::OpenApi) {
    let mut schemas = Vec::new();
    operation.description.schemas(&mut schemas);
    document.components.get_or_insert_default().schemas.extend(schemas);
    let mut paths = Paths::new();
    let items = operation.description.paths().paths.into_values();
    paths.paths.extend(items.map(|item| (operation.path.clone(), item)));
    document.paths.merge(paths);
}

/// This document
#[utoipa::path(tag = "Discovery", responses((status = OK, description = "OpenAPI 3.1", body = serde_json::Value)))]
#[get("/openapi.json")]
pub(crate) async fn get_openapi() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(COMMITTED)
}
