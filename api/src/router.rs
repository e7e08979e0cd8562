//! Every route.

mod routes;

use actix_web::web;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::listeners::Listener;
use crate::v1::{
    accounts, activation_claims, activations, admins, api_keys, assemblies, audit, auth, customers, features,
    groups, heartbeats, imports, license_files, licenses, lookup, mails, permissions, products, refusals,
    releases, revocation, roles, sessions, setup, signing_keys, system_events, tiers, tokens, usage, user,
    validation,
};
use crate::{discovery, health, metrics, openapi, status_lists};

pub(crate) use routes::{Operation, Routes};

/// Makes a server of the routes that a listener has.
pub(crate) fn serve(config: &mut web::ServiceConfig, listener: Listener) {
    routes(&mut Routes::serving(config, listener));
    if listener.serves_principals() {
        pages(config);
    }
}

/// Every operation that is served, in the order of the routes.
pub(crate) fn operations() -> Vec<Operation> {
    let mut operations = Vec::new();
    routes(&mut Routes::listing(&mut operations));
    operations
}

/// What is asked for most goes first: a path is compared with one route after the other. What is not said to be public
/// is for principals, and where `server.admin_bind` is set it is served there only.
fn routes(routes: &mut Routes<'_>) {
    routes
        .public(discovery::jwks)
        .public(discovery::license_configuration)
        .public(discovery::openid_configuration)
        .public(status_lists::status_list)
        .public(discovery::key_pem)
        .scope("/api/v1", v1)
        .public(health::health)
        .public(health::ready)
        .public(health::live)
        .operation(metrics::metrics);
}

/// A path with a literal goes before the one with `{id}` in its place.
fn v1(routes: &mut Routes<'_>) {
    routes
        .public(heartbeats::heartbeat)
        .public(validation::validate)
        .public(activations::activate)
        .public(activations::activation_status)
        .public(license_files::take_receipt)
        .public(activation_claims::poll_activation_claim)
        .public(revocation::revocation_list)
        .public(products::get_catalog)
        .public(products::list_products)
        .operation(products::create_product)
        .public(products::get_product)
        .operation(products::update_product)
        .operation(products::archive_product)
        .operation(releases::list_releases)
        .operation(releases::declare_release)
        .operation(tiers::order_tiers)
        .operation(tiers::list_tiers)
        .operation(tiers::create_tier)
        .operation(tiers::get_tier)
        .operation(tiers::update_tier)
        .operation(tiers::archive_tier)
        .operation(tiers::resolve_tier)
        .operation(features::order_features)
        .operation(features::list_features)
        .operation(features::create_feature)
        .operation(features::get_feature)
        .operation(features::update_feature)
        .operation(features::archive_feature)
        .operation(customers::list_customers)
        .operation(customers::create_customer)
        .operation(customers::get_customer)
        .operation(customers::update_customer)
        .operation(customers::disable_customer_account)
        .operation(customers::enable_customer_account)
        .operation(licenses::list_licenses)
        .operation(licenses::issue_license)
        .operation(licenses::issue_licenses)
        .operation(licenses::export::export_licenses)
        .operation(licenses::get_license)
        .operation(licenses::update_license)
        .operation(licenses::change_license_features)
        .operation(licenses::lifecycle::suspend_license)
        .operation(licenses::lifecycle::reinstate_license)
        .operation(licenses::lifecycle::revoke_license)
        .operation(licenses::lifecycle::renew_license)
        .operation(licenses::lifecycle::transfer_license)
        .operation(licenses::lifecycle::rotate_license_key)
        .operation(licenses::reveal_license_key)
        .operation(license_files::checkout)
        .operation(license_files::list_license_files)
        .operation(license_files::get_license_file)
        .operation(tokens::audit_license)
        .operation(tokens::regenerate_license)
        .operation(tokens::inspect_token)
        .operation(refusals::list_refusals)
        .operation(lookup::look_up)
        .operation(activations::list_activations)
        .operation(activations::get_activation)
        .public(activations::deactivate)
        .operation(activations::revoke_activation)
        .operation(activations::unblock_activation)
        .operation(assemblies::approve_assemblies)
        .operation(assemblies::list_assemblies)
        .operation(assemblies::withdraw_assembly)
        .operation(activation_claims::list_activation_claims)
        .operation(activation_claims::approve_activation_claim)
        .operation(activation_claims::reject_activation_claim)
        .operation(imports::list_imports)
        .operation(imports::begin_import)
        .operation(imports::list_import_rows)
        .operation(imports::get_import)
        .operation(signing_keys::list_signing_keys)
        .operation(signing_keys::rotate_signing_key)
        .operation(signing_keys::retire_signing_key)
        .operation(signing_keys::revoke_signing_key)
        .operation(audit::verify_audit_events)
        .operation(audit::list_audit_events)
        .operation(system_events::list_system_events)
        .operation(usage::list_usage)
        .operation(mails::list_mails)
        .operation(mails::get_mail)
        .operation(mails::retry_mail)
        .operation(mails::test_mail)
        .operation(permissions::list_permissions)
        .operation(roles::list_roles)
        .operation(roles::create_role)
        .operation(roles::get_role)
        .operation(roles::update_role)
        .operation(roles::delete_role)
        .operation(groups::list_groups)
        .operation(groups::create_group)
        .operation(groups::get_group)
        .operation(groups::update_group)
        .operation(groups::delete_group)
        .operation(openapi::get_openapi);
    people(routes);
}

/// Who may come in, and how.
fn people(routes: &mut Routes<'_>) {
    routes
        .public(auth::login)
        .public(auth::refresh)
        .public(auth::logout)
        .public(auth::passwords::forgot_password)
        .public(auth::passwords::reset_password)
        .public(accounts::register)
        .public(accounts::confirm_registration)
        .public(accounts::ask_for_code)
        .public(user::get_user)
        .public(user::export_user)
        .public(user::change_own_password)
        .public(user::claim_license)
        .public(user::list_own_licenses)
        .public(user::get_own_license)
        .public(user::reveal_own_license_key)
        .public(user::check_out_own)
        .public(user::list_own_files)
        .public(user::get_own_file)
        .public(user::machines::list_own_activations)
        .public(user::machines::release_own_activation)
        .public(user::machines::list_own_claims)
        .public(user::machines::approve_own_claim)
        .public(user::machines::reject_own_claim)
        .operation(setup::set_up)
        .operation(auth::second_factor)
        .operation(auth::me)
        .operation(auth::passwords::change_password)
        .operation(auth::totp::enroll_totp)
        .operation(auth::totp::confirm_totp)
        .operation(auth::totp::disable_totp)
        .operation(auth::totp::renew_recovery_codes)
        .operation(admins::list_admins)
        .operation(admins::create_admin)
        .operation(admins::get_admin)
        .operation(admins::update_admin)
        .operation(admins::disable_admin)
        .operation(admins::enable_admin)
        .operation(admins::reset_admin_password)
        .operation(admins::remove_admin_totp)
        .operation(sessions::list_sessions)
        .operation(sessions::end_session)
        .operation(api_keys::list_api_keys)
        .operation(api_keys::create_api_key)
        .operation(api_keys::get_api_key)
        .operation(api_keys::update_api_key)
        .operation(api_keys::delete_api_key)
        .operation(api_keys::rotate_api_key)
        .operation(api_keys::revoke_api_key);
}

/// Pages for people: Swagger UI, from the program itself. It asks nobody else whether the document is valid.
fn pages(config: &mut web::ServiceConfig) {
    let swagger = Config::from("../api/v1/openapi.json").validator_url("none");
    config.service(web::redirect("/docs", "docs/")).service(SwaggerUi::new("/docs/{_:.*}").config(swagger));
}

/// Whether a page for people is at this path.
pub(crate) fn is_page(path: &str) -> bool {
    path == "/docs" || path.starts_with("/docs/")
}
