//! `/customers`

use actix_web::web::Json;
use actix_web::{get, post, put};
use licentia_domain::customers::{self, CustomerFilter};
use licentia_types::customers::{CreateCustomerRequest, CustomerResponse, UpdateCustomerRequest};
use licentia_types::ids::{CustomerId, GroupId};
use licentia_types::pages::PageResponse;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Ctx;
use crate::answers::{Created, Found};
use crate::body::Body;
use crate::guard::{Allowed, perm};
use crate::idempotency::{AllowedOnce, IdempotencyKey, Once};
use crate::if_match::IfMatch;
use crate::parameters::{Id, Listing, PageParameters};
use crate::problem::ApiError;
use crate::refusals::{Adding, ChangingAccount, Refused};

/// Which customers a list shows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CustomerParameters {
    /// In this group.
    group_id: Option<GroupId>,
}

/// A page of customers
#[utoipa::path(
    tag = "Customers",
    params(PageParameters, CustomerParameters),
    responses((status = OK, description = "A page", body = PageResponse<CustomerResponse>)),
    security(("bearer" = ["customers.read"]))
)]
#[get("/customers")]
pub(crate) async fn list_customers(
    ctx: Ctx,
    allowed: Allowed<perm::CustomersRead, Listing<CustomerParameters>>,
) -> Result<Json<PageResponse<CustomerResponse>>, ApiError> {
    let (caller, Listing { page, filter: CustomerParameters { group_id } }) = allowed.open();
    let filter = CustomerFilter { group_id };
    Ok(Json(customers::list(&ctx, caller.actor.scope(), filter, &page).await?))
}

/// Make a customer
#[utoipa::path(
    tag = "Customers",
    params(IdempotencyKey),
    request_body(content = CreateCustomerRequest, example = json!({
        "externalId": "crm-4711",
        "name": "Ada Lovelace",
        "organization": "Analytical Engines Ltd",
        "email": "ada@example.com",
        "metadata": {"region": "uk"}
    })),
    responses((status = CREATED, description = "The customer", body = CustomerResponse), Refused<Adding>),
    security(("bearer" = ["customers"]))
)]
#[post("/customers")]
pub(crate) async fn create_customer(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Customers, Body<CreateCustomerRequest>>,
) -> Result<Created<CustomerResponse>, ApiError> {
    let (caller, Once(Body(command))) = allowed.open();
    Ok(Created(customers::create(&ctx, &caller, command).await?))
}

/// One customer
#[utoipa::path(
    tag = "Customers",
    params(("id" = CustomerId, Path)),
    responses((status = OK, description = "The customer", body = CustomerResponse)),
    security(("bearer" = ["customers.read"]))
)]
#[get("/customers/{id}")]
pub(crate) async fn get_customer(
    ctx: Ctx,
    allowed: Allowed<perm::CustomersRead, Id<CustomerId>>,
) -> Result<Found<CustomerResponse>, ApiError> {
    let (caller, Id(id)) = allowed.open();
    Ok(Found(customers::get(&ctx, caller.actor.scope(), id).await?))
}

/// Edit a customer
///
/// Another address of a customer who has licences or an account takes the permission `licenses.reveal` as well: whoever has
/// the address comes to them.
#[utoipa::path(
    tag = "Customers",
    params(("id" = CustomerId, Path), IfMatch),
    request_body(content = UpdateCustomerRequest, example = json!({"email": "ada@example.org", "notes": null})),
    responses((status = OK, description = "The customer", body = CustomerResponse), Refused<Adding>),
    security(("bearer" = ["customers"]))
)]
#[put("/customers/{id}")]
pub(crate) async fn update_customer(
    ctx: Ctx,
    allowed: Allowed<perm::Customers, (Id<CustomerId>, IfMatch, Body<UpdateCustomerRequest>)>,
) -> Result<Found<CustomerResponse>, ApiError> {
    let (caller, (Id(id), IfMatch(expected), Body(command))) = allowed.open();
    Ok(Found(customers::update(&ctx, &caller, id, expected, command).await?))
}

/// Keep a customer from signing in
///
/// All of his sessions end at once. Licences and machines go on. Without an account: 409.
#[utoipa::path(
    tag = "Customers",
    params(("id" = CustomerId, Path), IdempotencyKey),
    responses((status = OK, description = "The customer", body = CustomerResponse), Refused<ChangingAccount>),
    security(("bearer" = ["customers"]))
)]
#[post("/customers/{id}/account/disable")]
pub(crate) async fn disable_customer_account(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Customers, Id<CustomerId>>,
) -> Result<Found<CustomerResponse>, ApiError> {
    let (caller, Once(Id(id))) = allowed.open();
    Ok(Found(customers::disable_account(&ctx, &caller, id).await?))
}

/// Let a customer sign in again
///
/// With what he signed in with before. Without an account: 409.
#[utoipa::path(
    tag = "Customers",
    params(("id" = CustomerId, Path), IdempotencyKey),
    responses((status = OK, description = "The customer", body = CustomerResponse), Refused<ChangingAccount>),
    security(("bearer" = ["customers"]))
)]
#[post("/customers/{id}/account/enable")]
pub(crate) async fn enable_customer_account(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Customers, Id<CustomerId>>,
) -> Result<Found<CustomerResponse>, ApiError> {
    let (caller, Once(Id(id))) = allowed.open();
    Ok(Found(customers::enable_account(&ctx, &caller, id).await?))
}
