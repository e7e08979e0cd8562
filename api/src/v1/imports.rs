//! `/imports`

use std::collections::BTreeMap;

use actix_web::web::Json;
use actix_web::{get, post};
use licentia_domain::imports::{self, Begin, Format, ImportOptions, RowFilter};
use licentia_types::ids::{GroupId, ImportId};
use licentia_types::imports::{ImportOutcome, ImportPreset, ImportResponse, ImportRowResponse};
use licentia_types::pages::PageResponse;
use licentia_types::text::{Key, Slug};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

use crate::Ctx;
use crate::answers::{Created, Found};
use crate::guard::{Allowed, perm};
use crate::idempotency::{IdempotencyKey, OnceComing};
use crate::parameters::{Id, Listing, NoFilter, PageParameters, Parameters, optional_switch};
use crate::problem::ApiError;
use crate::row_stream::RowStream;

/// What holds for all rows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ImportParameters {
    /// Whose rows these are; absent: `native`.
    #[serde(default)]
    #[param(required = false)]
    preset: ImportPreset,
    /// `true`: nothing is written but the results.
    #[serde(default, deserialize_with = "optional_switch")]
    #[param(value_type = Option<bool>)]
    dry_run: Option<bool>,
    /// Slug of the product of rows that name none.
    product: Option<Slug>,
    /// Key of the tier of rows that name none, or one that stands for no tier here.
    tier: Option<Key>,
    /// A JSON object: names of the other system (Keygen: policy or product ids; Lemon Squeezy: variant or product ids;
    /// Gumroad: variants or items; the log: its tiers), and keys of tiers here.
    #[serde(default, deserialize_with = "names")]
    #[param(value_type = Option<String>, example = json!("{\"Team licence\": \"team\"}"))]
    tiers: BTreeMap<String, Key>,
    /// The group into which all of it is put; absent: the caller's only one, or none where the caller has none. Customers
    /// of other groups are not found.
    group_id: Option<GroupId>,
    /// `true`: take keys that could be guessed (under 80 bits). They are out there already.
    #[serde(default, deserialize_with = "optional_switch")]
    #[param(value_type = Option<bool>)]
    allow_weak_keys: Option<bool>,
}

impl ImportParameters {
    fn command(self, format: Format) -> Begin {
        let Self { preset, dry_run, product, tier, tiers, group_id, allow_weak_keys } = self;
        let allow_weak_keys = allow_weak_keys.unwrap_or_default();
        let options = ImportOptions { preset, product, tier, tiers, allow_weak_keys };
        Begin { options, format, dry_run: dry_run.unwrap_or_default(), group: group_id }
    }
}

fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Key>, D::Error> {
    let text = String::deserialize(deserializer)?;
    serde_json::from_str(&text).map_err(|_| D::Error::custom("must be a JSON object of keys of tiers"))
}

/// Which rows a list shows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RowParameters {
    /// Of which this became.
    outcome: Option<ImportOutcome>,
}

impl From<RowParameters> for RowFilter {
    fn from(RowParameters { outcome }: RowParameters) -> Self {
        Self { outcome }
    }
}

/// Import customers, licences and machines
///
/// The body holds the rows, as JSON lines or as CSV with a preset; it is stored as it comes, up to `imports.max_upload_mb`,
/// and worked off by a job from then on. Each row is taken in or refused by itself: see its result.
#[utoipa::path(
    tag = "Imports",
    params(ImportParameters, IdempotencyKey),
    request_body(
        description = "`ImportedRow`s, one a line, or what the preset says",
        content(
            (String = "application/x-ndjson", example = json!(
                "{\"customer\":{\"externalId\":\"crm-4711\"},\"license\":{\"key\":\"A1B2C3D4-E5F60718-293A4B5C-6D7E8F90\"},\"machines\":[{\"fingerprint\":\"fp-1\"}]}"
            )),
            (String = "text/csv", example = json!("key,user_email\n38b1460a-5104-4067-a91d-77b872934d51,ada@example.com\n"))
        )
    ),
    responses((status = CREATED, description = "The import, whose rows are there", body = ImportResponse)),
    security(("bearer" = ["licenses.import"]))
)]
#[post("/imports")]
pub(crate) async fn begin_import(
    ctx: Ctx,
    allowed: Allowed<perm::LicensesImport, OnceComing<(Parameters<ImportParameters>, RowStream)>>,
) -> Result<Created<ImportResponse>, ApiError> {
    let (caller, OnceComing((Parameters(parameters), rows))) = allowed.open();
    let upload = imports::begin(&ctx, &caller, parameters.command(rows.format)).await?;
    Ok(Created(rows.pour(upload).await?))
}

/// A page of imports, and how far they are
#[utoipa::path(
    tag = "Imports",
    params(PageParameters),
    responses((status = OK, description = "A page", body = PageResponse<ImportResponse>)),
    security(("bearer" = ["licenses.import"]))
)]
#[get("/imports")]
pub(crate) async fn list_imports(
    ctx: Ctx,
    allowed: Allowed<perm::LicensesImport, Listing<NoFilter>>,
) -> Result<Json<PageResponse<ImportResponse>>, ApiError> {
    let (caller, Listing { page, .. }) = allowed.open();
    Ok(Json(imports::list(&ctx, caller.actor.scope(), &page).await?))
}

/// One import, and how far it is
#[utoipa::path(
    tag = "Imports",
    params(("id" = ImportId, Path)),
    responses((status = OK, description = "The import", body = ImportResponse)),
    security(("bearer" = ["licenses.import"]))
)]
#[get("/imports/{id}")]
pub(crate) async fn get_import(
    ctx: Ctx,
    allowed: Allowed<perm::LicensesImport, Id<ImportId>>,
) -> Result<Found<ImportResponse>, ApiError> {
    let (caller, Id(id)) = allowed.open();
    Ok(Found(imports::get(&ctx, caller.actor.scope(), id).await?))
}

/// What became of each row of an import, in their order
#[utoipa::path(
    tag = "Imports",
    params(("id" = ImportId, Path), PageParameters, RowParameters),
    responses((status = OK, description = "A page", body = PageResponse<ImportRowResponse>)),
    security(("bearer" = ["licenses.import"]))
)]
#[get("/imports/{id}/rows")]
pub(crate) async fn list_import_rows(
    ctx: Ctx,
    allowed: Allowed<perm::LicensesImport, (Id<ImportId>, Listing<RowParameters>)>,
) -> Result<Json<PageResponse<ImportRowResponse>>, ApiError> {
    let (caller, (Id(id), Listing { page, filter })) = allowed.open();
    Ok(Json(imports::rows(&ctx, caller.actor.scope(), id, filter.into(), &page).await?))
}
