//! `/usage`

use actix_web::http::header::{Accept, Header};
use actix_web::web::Json;
use actix_web::{Either, HttpRequest, HttpResponse, get};
use licentia_domain::pages::PageQuery;
use licentia_domain::usage::{self, Export, UsageFilter, UsageQuery};
use licentia_types::ids::{LicenseId, ProductId};
use licentia_types::usage::{Day, UsageGrouping, UsageOrder, UsageResponse};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::guard::{Allowed, perm};
use crate::parameters::{Parameters, number};
use crate::problem::ApiError;
use crate::{Ctx, csv};

/// Which counts are shown, and how.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UsageParameters {
    /// Not before this UTC day: `2030-01-31`.
    from: Option<Day>,
    /// Not after this UTC day.
    to: Option<Day>,
    /// Of this licence.
    license_id: Option<LicenseId>,
    /// Of the licences of this product.
    product_id: Option<ProductId>,
    /// Of this action.
    action: Option<String>,
    /// With this outcome.
    outcome: Option<String>,
    /// Of this version; empty: where none was told.
    product_version: Option<String>,
    /// By what entries are told apart: some of `day`, `license`, `action`, `outcome`, `productVersion`, separated by
    /// commas; all of them when absent. By anything else they are added up.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "day,outcome")]
    group_by: UsageGrouping,
    /// `-day` (the default): the latest day first; `day`: the first.
    #[serde(default)]
    #[param(inline, required = false)]
    sort: UsageOrder,
    /// `csv`: all entries, as a stream, which has no pages. Absent: what `Accept` prefers.
    #[param(inline)]
    format: Option<Format>,
    /// Entries on a page: 1 to 200, 50 when absent.
    #[serde(default, deserialize_with = "number")]
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

/// How they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    Json,
    Csv,
}

impl Format {
    /// What a client likes best of what there is.
    fn preferred(request: &HttpRequest) -> Self {
        let Ok(accept) = Accept::parse(request) else { return Self::Json };
        let known = accept.ranked().into_iter().find_map(|range| {
            match (range.type_().as_str(), range.subtype().as_str()) {
                ("text", "csv" | "*") => Some(Self::Csv),
                ("application", "json" | "*") | ("*", "*") => Some(Self::Json),
                _ => None,
            }
        });
        known.unwrap_or(Self::Json)
    }
}

impl UsageParameters {
    fn open(self) -> (UsageQuery, PageQuery) {
        let Self { from, to, license_id, product_id, action, outcome, product_version, .. } = self;
        let filter = UsageFilter { from, to, license_id, product_id, action, outcome, product_version };
        let page = PageQuery { limit: self.limit, cursor: self.cursor, ..PageQuery::default() };
        (UsageQuery { filter, grouping: self.group_by, order: self.sort }, page)
    }
}

/// How much was used, by day
///
/// Every validation that was judged, by the code of its verdict, and what heartbeats reported (`REPORTED`). Days are UTC.
/// Validations are written within a second: those of other instances show a second later, and a crash loses less than
/// a second of them; reported counts are written with their heartbeat. Days are kept for `retention.usage_days`.
///
/// As CSV (`format=csv`, or `Accept: text/csv`) all entries are streamed. Cells that a spreadsheet would take for a formula begin
/// with an apostrophe.
#[utoipa::path(
    tag = "Usage",
    params(UsageParameters),
    responses((status = OK, description = "A page, or all of it as CSV", content(
        (UsageResponse = "application/json", example = json!({
            "items": [{
                "day": "2030-01-31",
                "licenseId": "lic_01h455vb4pex5vsknk084sn02q",
                "action": "export.pdf",
                "outcome": "VALID",
                "productVersion": "2.4.1",
                "count": 4711
            }],
            "total": 1,
            "count": 4711
        })),
        (String = "text/csv", example = json!("day,license_id,action,outcome,product_version,count\r\n2030-01-31,lic_01h455vb4pex5vsknk084sn02q,export.pdf,VALID,2.4.1,4711\r\n"))
    ))),
    security(("bearer" = ["usage"]))
)]
#[get("/usage")]
pub(crate) async fn list_usage(
    ctx: Ctx,
    request: HttpRequest,
    allowed: Allowed<perm::Usage, Parameters<UsageParameters>>,
) -> Result<Either<Json<UsageResponse>, HttpResponse>, ApiError> {
    let (caller, Parameters(parameters)) = allowed.open();
    let format = parameters.format.unwrap_or_else(|| Format::preferred(&request));
    let ((query, page), scope) = (parameters.open(), caller.actor.scope());
    match format {
        Format::Json => Ok(Either::Left(Json(usage::list(&ctx, scope, &query, &page).await?))),
        Format::Csv => {
            page.expect_none()?;
            let export = usage::export(&ctx, scope, query).await?;
            Ok(Either::Right(csv::download("usage.csv", ctx, export, Export::next)))
        }
    }
}
