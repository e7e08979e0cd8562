//! `/license-keys/export`

use actix_web::{HttpResponse, get};
use licentia_domain::licenses::{self, Export, LicenseFilter};
use licentia_types::ids::{CustomerId, GroupId, ProductId, TierId};
use licentia_types::licenses::LicenseStatus;
use licentia_types::permissions::Permission;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::guard::{self, Allowed, perm};
use crate::parameters::{Parameters, optional_switch};
use crate::problem::ApiError;
use crate::{Ctx, csv};

/// Which licences are exported, and whether with their keys.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExportParameters {
    /// Of this product.
    product_id: Option<ProductId>,
    /// At this tier.
    tier_id: Option<TierId>,
    /// Of this customer.
    customer_id: Option<CustomerId>,
    /// In this group.
    group_id: Option<GroupId>,
    /// Worth this now.
    status: Option<LicenseStatus>,
    /// To try the product with, or not.
    #[serde(default, deserialize_with = "optional_switch")]
    #[param(value_type = Option<bool>)]
    trial: Option<bool>,
    /// `true`: with the column `license_key`, which needs the permission `licenses.reveal` as well.
    #[serde(default, deserialize_with = "optional_switch")]
    #[param(value_type = Option<bool>)]
    keys: Option<bool>,
}

/// Licences as CSV
///
/// As a stream, in the order of their making. It is written to the audit log who exported how many, and whether with
/// keys. Cells that a spreadsheet would take for a formula begin with an apostrophe; keys are never altered.
#[utoipa::path(
    tag = "Licences",
    params(ExportParameters),
    responses((status = OK, description = "The licences", body = String, content_type = "text/csv")),
    security(("bearer" = ["licenses.read"]))
)]
#[get("/license-keys/export")]
pub(crate) async fn export_licenses(
    ctx: Ctx,
    allowed: Allowed<perm::LicensesRead, Parameters<ExportParameters>>,
) -> Result<HttpResponse, ApiError> {
    let (caller, Parameters(parameters)) = allowed.open();
    let ExportParameters { product_id, tier_id, customer_id, group_id, status, trial, keys } = parameters;
    let (filter, with_keys) =
        (LicenseFilter { product_id, tier_id, customer_id, group_id, status, trial }, keys == Some(true));
    if with_keys {
        guard::expect_also(&caller, Permission::LicensesReveal)?;
    }
    let export = licenses::export(&ctx, &caller, filter, with_keys).await?;
    Ok(csv::download("licenses.csv", ctx, export, Export::next))
}
