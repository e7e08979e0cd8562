//! `/assembly-whitelist`

use actix_web::http::StatusCode;
use actix_web::web::Json;
use actix_web::{Responder, delete, get, post};
use licentia_domain::assemblies::{self, ApprovalFilter};
use licentia_types::assemblies::{
    ApprovalSource, ApproveAssembliesRequest, ApproveAssembliesResponse, AssemblyApprovalResponse, Sha256,
};
use licentia_types::ids::{AssemblyApprovalId, LicenseId};
use licentia_types::pages::PageResponse;
use licentia_types::text::AssemblyName;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Ctx;
use crate::answers::NoContent;
use crate::body::LargeBody;
use crate::guard::{Allowed, perm};
use crate::idempotency::{AllowedOnce, IdempotencyKey, Once};
use crate::parameters::{Id, Listing, PageParameters, optional_switch};
use crate::problem::ApiError;

/// Which approvals a list shows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ApprovalParameters {
    /// For this licence only; those for all are not among them.
    license_id: Option<LicenseId>,
    /// Of this name.
    assembly_name: Option<AssemblyName>,
    /// Of this build: a SHA-256, in hexadecimal or base64.
    #[param(value_type = Option<String>)]
    sha256: Option<Sha256>,
    /// By this source.
    source: Option<ApprovalSource>,
    /// `true`: those that were withdrawn, instead of those that stand.
    #[serde(default, deserialize_with = "optional_switch")]
    #[param(value_type = Option<bool>)]
    withdrawn: Option<bool>,
}

impl From<ApprovalParameters> for ApprovalFilter {
    fn from(parameters: ApprovalParameters) -> Self {
        let ApprovalParameters { license_id, assembly_name, sha256, source, withdrawn } = parameters;
        Self { license_id, assembly_name, sha256, source, withdrawn: withdrawn.unwrap_or_default() }
    }
}

/// Approve builds
///
/// All of them, or none. 201 when one of them was not approved before, 200 when all were: those stay as they
/// are.
#[utoipa::path(
    tag = "Assemblies",
    params(IdempotencyKey),
    request_body(content = ApproveAssembliesRequest, example = json!({
        "source": "ci",
        "assemblies": [{
            "assemblyName": "Acme.Core",
            "version": "2.4.1.0",
            "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        }]
    })),
    responses(
        (status = CREATED, description = "They are approved", body = ApproveAssembliesResponse),
        (status = OK, description = "They were approved already", body = ApproveAssembliesResponse)
    ),
    security(("bearer" = ["assemblies"]))
)]
#[post("/assembly-whitelist/approve")]
pub(crate) async fn approve_assemblies(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Assemblies, LargeBody<ApproveAssembliesRequest>>,
) -> Result<impl Responder, ApiError> {
    let (caller, Once(LargeBody(command))) = allowed.open();
    let approved = assemblies::approve(&ctx, &caller, command).await?;
    let status = if approved.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(Json(approved.response).customize().with_status(status))
}

/// A page of approved builds
#[utoipa::path(
    tag = "Assemblies",
    params(PageParameters, ApprovalParameters),
    responses((status = OK, description = "A page", body = PageResponse<AssemblyApprovalResponse>)),
    security(("bearer" = ["assemblies.read"]))
)]
#[get("/assembly-whitelist")]
pub(crate) async fn list_assemblies(
    ctx: Ctx,
    allowed: Allowed<perm::AssembliesRead, Listing<ApprovalParameters>>,
) -> Result<Json<PageResponse<AssemblyApprovalResponse>>, ApiError> {
    let (caller, Listing { page, filter }) = allowed.open();
    Ok(Json(assemblies::list(&ctx, caller.actor.scope(), &filter.into(), &page).await?))
}

/// Withdraw an approval
///
/// From now on nobody activates with this build by it. Doing it again changes nothing; approving the build
/// again is a new approval.
#[utoipa::path(
    tag = "Assemblies",
    params(("id" = AssemblyApprovalId, Path)),
    responses((status = NO_CONTENT, description = "It is withdrawn")),
    security(("bearer" = ["assemblies"]))
)]
#[delete("/assembly-whitelist/{id}")]
pub(crate) async fn withdraw_assembly(
    ctx: Ctx,
    allowed: Allowed<perm::Assemblies, Id<AssemblyApprovalId>>,
) -> Result<NoContent, ApiError> {
    let (caller, Id(id)) = allowed.open();
    assemblies::withdraw(&ctx, &caller, id).await?;
    Ok(NoContent)
}
