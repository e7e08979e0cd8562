//! Releases: versions of a product, and when they came out. Licences with a right to updates for a
//! time are judged by these dates.
//!
//! A vendor declares when a version came out; until he does, it counts from when a machine first
//! activated with it. Versions are compared as text, exactly.

use std::collections::BTreeSet;

use licentia_entity::release;
use licentia_types::ids::ProductId;
use licentia_types::pages::PageResponse;
use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::releases::{DeclareReleaseRequest, ReleaseResponse};
use licentia_types::text::ProductVersion;
use licentia_types::time::Timestamp;
use sea_orm::ConnectionTrait;
use serde_json::json;

use crate::actors::Caller;
use crate::context::Context;
use crate::database::WriteTx;
use crate::failure::{Failure, failed_from};
use crate::pages::{PageError, PageQuery};
use crate::products::{self, ProductName, Visible};
use crate::refusal::Refusal;
use crate::{audit, once};

mod store;

/// Why an operation on a release was refused.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// No such product.
    #[error("there is no such product")]
    ProductUnknown,
    /// The version was declared before.
    #[error("this version was declared already")]
    Declared,
    /// A parameter of the page.
    #[error(transparent)]
    Page(PageError),
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(ReleaseError);

impl Refusal for ReleaseError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::ProductUnknown => ProblemCode::NotFound,
            Self::Declared => ProblemCode::AlreadyExists,
            Self::Page(error) => error.code(),
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::Declared => vec![FieldProblem::new("/version", "TAKEN", self.to_string())],
            Self::ProductUnknown | Self::Page(_) | Self::Failed(_) => Vec::new(),
        }
    }
}

/// When a version came out, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dated {
    /// The version.
    pub(crate) version: ProductVersion,
    /// When.
    pub(crate) at: Timestamp,
    /// Who says so.
    pub(crate) from: DateFrom,
}

/// Where the date of a version comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateFrom {
    /// The vendor declared it.
    Released,
    /// A machine activated with it.
    FirstSeen,
    /// Nobody ever had it: it came out just now.
    Now,
}

impl DateFrom {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::FirstSeen => "first_seen",
            Self::Now => "now",
        }
    }
}

/// When `version` came out.
pub(crate) async fn date(
    db: &impl ConnectionTrait,
    product: ProductId,
    version: ProductVersion,
    now: Timestamp,
) -> Result<Dated, Failure> {
    let known = store::find(db, product, &version).await?;
    let (at, from) = match known.map(|known| (known.released_at, known.first_seen_at)) {
        Some((Some(at), _)) => (at, DateFrom::Released),
        Some((None, Some(at))) => (at, DateFrom::FirstSeen),
        Some((None, None)) | None => (now, DateFrom::Now),
    };
    Ok(Dated { version, at, from })
}

/// Machines activate with these versions: remembers the first time. Called last in the activation's
/// transaction, before anything that raises a counter that all share.
pub(crate) async fn see(
    tx: &WriteTx,
    seen: impl IntoIterator<Item = (ProductId, &ProductVersion)>,
    now: Timestamp,
) -> Result<(), Failure> {
    // In one order, or two would wait for each other.
    let seen: BTreeSet<_> = seen.into_iter().collect();
    if seen.is_empty() {
        return Ok(());
    }
    Ok(store::insert_seen(tx, seen, now).await?)
}

/// A page of a product's versions, by date.
///
/// # Errors
/// When there is no such product, or a parameter is wrong.
pub async fn list(
    ctx: &Context,
    product: ProductId,
    query: &PageQuery,
) -> Result<PageResponse<ReleaseResponse>, ReleaseError> {
    products::store::find(&ctx.db, Visible::All, &ProductName::Id(product))
        .await?
        .ok_or(ReleaseError::ProductUnknown)?;
    let page = store::list(&ctx.db, product, query).await.map_err(|error| match error {
        PageError::Failed(failure) => ReleaseError::Failed(failure),
        refused @ PageError::Parameter { .. } => ReleaseError::Page(refused),
    })?;
    Ok(page.map(render))
}

/// Declares when a version came out: now, unless said otherwise. An archived product still has
/// customers, so it may have releases.
///
/// # Errors
/// When there is no such product, or the version was declared before.
pub async fn declare(
    ctx: &Context,
    caller: &Caller,
    product: ProductId,
    command: DeclareReleaseRequest,
) -> Result<ReleaseResponse, ReleaseError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let released_at = command.released_at.unwrap_or(moment.now);
    let tx = once::begin(ctx, caller).await?;
    products::store::find_unchanging(&tx, product).await?.ok_or(ReleaseError::ProductUnknown)?;
    if !store::declare(&tx, product, &command.version, released_at).await? {
        return Err(ReleaseError::Declared);
    }
    let release = store::find(&tx, product, &command.version).await?.ok_or(Failure::Corrupt("release"))?;
    let detail = json!({"version": release.version, "releasedAt": release.released_at});
    audit::record(&tx, &moment, caller, audit::Event::new("release.declared", &product, detail)).await?;
    let shown = render(release);
    once::commit(ctx, &moment, caller, tx, &shown).await?;
    Ok(shown)
}

fn render(release: release::Model) -> ReleaseResponse {
    ReleaseResponse {
        version: release.version,
        released_at: release.released_at,
        first_seen_at: release.first_seen_at,
    }
}
