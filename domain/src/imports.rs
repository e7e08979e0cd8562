//! Imports: customers, licences and machines that come from another system, in one job that can be
//! resumed.
//!
//! What is sent is stored first, in sealed pieces of whole rows ([`upload`]). The job works off a piece
//! in one transaction ([`work`]): the rows of the piece, their results and how far the import is stand or
//! fall together, so that a server that is killed goes on where it was, and no row is taken in twice.

use std::collections::BTreeMap;

use licentia_entity::import;
use licentia_types::ids::{ImportId, ProductId, TierId};
use licentia_types::imports::{ImportPreset, ImportResponse, ImportRowResponse};
use licentia_types::pages::PageResponse;
use licentia_types::text::{Key, Slug};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::failure::Failure;
use crate::pages::{PageError, PageQuery};
use crate::scope::Scope;

pub use error::ImportError;
pub use store::RowFilter;
pub use upload::{Begin, Format, Upload, begin};
pub(crate) use work::{has_work, work};

mod customers_elsewhere;
mod error;
mod parsed;
mod plan;
mod planned;
mod presets;
mod records;
mod store;
mod taken;
mod upload;
mod work;
mod write;

/// What holds for all rows of an import.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ImportOptions {
    /// Whose rows these are.
    pub preset: ImportPreset,
    /// The product of rows that name none.
    pub product: Option<Slug>,
    /// The tier of rows that name none.
    pub tier: Option<Key>,
    /// Names of the other system, and the tiers that stand for them.
    pub tiers: BTreeMap<String, Key>,
    /// Take keys that could be guessed: they are out there already.
    pub allow_weak_keys: bool,
}

/// A product and a tier, as a row's licence is of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Offer {
    product: ProductId,
    tier: TierId,
}

/// A page of imports.
///
/// # Errors
/// When a parameter is wrong.
pub async fn list(
    ctx: &Context,
    scope: Scope,
    query: &PageQuery,
) -> Result<PageResponse<ImportResponse>, PageError> {
    let page = store::list(&ctx.db, scope, query).await?;
    let items = page.items.iter().map(render).collect::<Result<_, Failure>>();
    Ok(PageResponse {
        items: items.map_err(PageError::Failed)?,
        next_cursor: page.next_cursor,
        total: page.total,
    })
}

/// One import.
///
/// # Errors
/// When there is none in `scope`.
pub async fn get(ctx: &Context, scope: Scope, id: ImportId) -> Result<ImportResponse, ImportError> {
    let import = store::find(&ctx.db, scope, id).await?.ok_or(ImportError::NotFound)?;
    Ok(render(&import)?)
}

/// A page of what became of its rows, in their order.
///
/// # Errors
/// When there is none in `scope`, or a parameter is wrong.
pub async fn rows(
    ctx: &Context,
    scope: Scope,
    id: ImportId,
    filter: RowFilter,
    query: &PageQuery,
) -> Result<PageResponse<ImportRowResponse>, ImportError> {
    store::find(&ctx.db, scope, id).await?.ok_or(ImportError::NotFound)?;
    let page = store::rows(&ctx.db, id, filter, query).await?;
    let items = page.items.into_iter().map(planned::render).collect::<Result<_, Failure>>()?;
    Ok(PageResponse { items, next_cursor: page.next_cursor, total: page.total })
}

fn options(import: &import::Model) -> Result<ImportOptions, Failure> {
    serde_json::from_value(import.options.clone()).map_err(|_| Failure::Corrupt("options of an import"))
}

fn render(import: &import::Model) -> Result<ImportResponse, Failure> {
    let count = |rows: i64| u64::try_from(rows).map_err(|_| Failure::Corrupt("number of rows"));
    Ok(ImportResponse {
        preset: options(import)?.preset,
        id: import.id,
        status: import.status,
        dry_run: import.dry_run,
        group_id: import.group_id,
        rows: count(import.rows)?,
        rows_done: count(import.rows_done)?,
        rows_created: count(import.rows_created)?,
        rows_refused: count(import.rows_refused)?,
        created_at: import.created_at,
        finished_at: import.finished_at,
    })
}
