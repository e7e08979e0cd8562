//! Every route, and what each request passes on its way.

use actix_web::middleware::from_fn;
use actix_web::web;
use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::v1::{
    activations, audit, customers, features, heartbeats, licenses, lookup, products, refusals, releases,
    revocation, signing_keys, system_events, tiers, tokens, validation,
};
use crate::{answers, discovery, health, openapi, status_lists};

/// Everything that the OpenAPI document describes.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(health::health)
        .service(health::ready)
        .service(health::live)
        .service(
            scope("/.well-known")
                .wrap(discovery::cors())
                .service(discovery::jwks)
                .service(discovery::key_pem)
                .service(discovery::license_configuration)
                .service(discovery::openid_configuration),
        )
        .service(scope("/status-lists").wrap(discovery::cors()).service(status_lists::status_list))
        .service(openapi::get_openapi)
        .service(scope("/api/v1").wrap(from_fn(answers::keep_private)).configure(v1));
}

/// A path with a literal goes before the one with `{id}` in its place.
fn v1(config: &mut ServiceConfig<'_>) {
    config
        .service(products::get_catalog)
        .service(products::list_products)
        .service(products::create_product)
        .service(products::get_product)
        .service(products::update_product)
        .service(products::archive_product)
        .service(releases::list_releases)
        .service(releases::declare_release)
        .service(tiers::order_tiers)
        .service(tiers::list_tiers)
        .service(tiers::create_tier)
        .service(tiers::get_tier)
        .service(tiers::update_tier)
        .service(tiers::archive_tier)
        .service(tiers::resolve_tier)
        .service(features::order_features)
        .service(features::list_features)
        .service(features::create_feature)
        .service(features::get_feature)
        .service(features::update_feature)
        .service(features::archive_feature)
        .service(customers::list_customers)
        .service(customers::create_customer)
        .service(customers::get_customer)
        .service(customers::update_customer)
        .service(validation::validate)
        .service(heartbeats::heartbeat)
        .service(licenses::list_licenses)
        .service(licenses::issue_license)
        .service(licenses::issue_licenses)
        .service(licenses::get_license)
        .service(licenses::update_license)
        .service(licenses::change_license_features)
        .service(licenses::lifecycle::suspend_license)
        .service(licenses::lifecycle::reinstate_license)
        .service(licenses::lifecycle::revoke_license)
        .service(licenses::lifecycle::renew_license)
        .service(licenses::lifecycle::transfer_license)
        .service(licenses::lifecycle::rotate_license_key)
        .service(licenses::reveal_license_key)
        .service(tokens::audit_license)
        .service(tokens::regenerate_license)
        .service(tokens::inspect_token)
        .service(scope("/revocation").wrap(discovery::cors()).service(revocation::revocation_list))
        .service(refusals::list_refusals)
        .service(lookup::look_up)
        .service(activations::activate)
        .service(activations::activation_status)
        .service(activations::list_activations)
        .service(activations::get_activation)
        .service(activations::deactivate)
        .service(activations::revoke_activation)
        .service(activations::unblock_activation)
        .service(signing_keys::list_signing_keys)
        .service(signing_keys::rotate_signing_key)
        .service(signing_keys::retire_signing_key)
        .service(signing_keys::revoke_signing_key)
        .service(audit::verify_audit_events)
        .service(audit::list_audit_events)
        .service(system_events::list_system_events);
}

/// Pages for people: Swagger UI, from the program itself.
pub(crate) fn pages(config: &mut web::ServiceConfig) {
    config
        .service(web::redirect("/docs", "docs/"))
        .service(SwaggerUi::new("/docs/{_:.*}").config(Config::from("../api/v1/openapi.json")));
}
