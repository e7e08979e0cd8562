//! Refusals: what was refused to the machines of a licence, the last 50 of each, for support.
//!
//! They are kept off the request's path: a refused call leaves a note in memory, and once a second
//! (and before they are read, and when the server stops) the notes are written in one transaction.
//! A crash loses a second of them at most. A flood costs memory for 50 notes a licence and 4,096 in
//! all; beyond that the oldest are forgotten, and counted.

use licentia_entity::activation;
use licentia_types::ids::LicenseId;
use licentia_types::problems::ProblemCode;
use licentia_types::refusals::{RefusalResponse, RefusalsResponse};
use licentia_types::text::{Fingerprint, Hostname, ProductVersion};
use licentia_types::time::Timestamp;

use crate::actors::Caller;
use crate::context::Context;
use crate::database::Lane;
use crate::failure::{Failure, failed_from};
use crate::licenses;
use crate::refusal::Refusal;

pub use buffer::Refusals;
pub use licentia_types::refusals::RefusedOperation as Operation;

mod buffer;
pub(crate) mod store;

/// Refusals that are kept of each licence.
pub const KEPT: usize = 50;

/// Why no refusals were shown.
#[derive(Debug, thiserror::Error)]
pub enum RefusalsError {
    /// No such licence, or none that the caller may know of.
    #[error("there is no such licence")]
    NotFound,
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(RefusalsError);

impl Refusal for RefusalsError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound => ProblemCode::NotFound,
            Self::Failed(failure) => failure.code(),
        }
    }
}

/// A refusal that was not written yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) license: LicenseId,
    pub(crate) at: Timestamp,
    pub(crate) operation: Operation,
    pub(crate) code: &'static str,
    pub(crate) ip: Option<String>,
    pub(crate) hostname: Option<Hostname>,
    pub(crate) product_version: Option<ProductVersion>,
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) request_id: Option<String>,
}

/// A call of a machine that may yet be refused, and what it tells of itself. Only once it is known
/// which licence it concerns is there anything to note.
#[derive(Debug)]
pub(crate) struct Call {
    operation: Operation,
    license: Option<LicenseId>,
    ip: Option<String>,
    request_id: Option<String>,
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) hostname: Option<Hostname>,
    pub(crate) product_version: Option<ProductVersion>,
}

impl Call {
    pub(crate) fn of(operation: Operation, caller: &Caller) -> Self {
        Self {
            operation,
            license: None,
            ip: caller.ip.map(|ip| ip.to_string()),
            request_id: caller.request_id.clone(),
            fingerprint: None,
            hostname: None,
            product_version: None,
        }
    }

    /// It is known which licence the call concerns.
    pub(crate) const fn concerns(&mut self, license: LicenseId) {
        self.license = Some(license);
    }

    /// Which licence it concerns, where that is known.
    pub(crate) const fn license(&self) -> Option<LicenseId> {
        self.license
    }

    /// It is known which machine calls; what the call does not tell is as the machine last told.
    pub(crate) fn made_by(&mut self, machine: &activation::Model) {
        self.concerns(machine.license_id);
        let Self { fingerprint, hostname, product_version, .. } = self;
        fingerprint.get_or_insert_with(|| machine.fingerprint.clone());
        *hostname = hostname.take().or_else(|| machine.hostname.clone());
        *product_version = product_version.take().or_else(|| machine.product_version.clone());
    }

    /// It was refused.
    pub(crate) fn refused(self, ctx: &Context, at: Timestamp, code: &'static str) {
        let Some(license) = self.license else { return };
        ctx.refusals.push(Note {
            license,
            at,
            operation: self.operation,
            code,
            ip: self.ip,
            hostname: self.hostname,
            product_version: self.product_version,
            fingerprint: self.fingerprint,
            request_id: self.request_id,
        });
    }

    /// It ended so. What is our own fault is no refusal.
    pub(crate) fn ended<T, E: Refusal>(self, ctx: &Context, outcome: &Result<T, E>) {
        if let Err(error) = outcome
            && error.code().status() < 500
        {
            self.refused(ctx, ctx.moment().now, error.code().as_str());
        }
    }
}

/// The last refusals of a licence, latest first: all that this instance noted, and what others
/// wrote up to a second ago.
///
/// # Errors
/// When there is no such licence for the caller.
pub async fn list(ctx: &Context, caller: &Caller, id: LicenseId) -> Result<RefusalsResponse, RefusalsError> {
    let license = licenses::store::find(&ctx.db, caller.actor.scope(), id).await?;
    let license = license.ok_or(RefusalsError::NotFound)?;
    flush(ctx).await?;
    let rows = store::of_license(&ctx.db, license.id).await?;
    let items = rows.into_iter().map(render).collect::<Result<_, _>>()?;
    Ok(RefusalsResponse { items })
}

/// Writes what was noted, and forgets what is beyond the last 50 of each licence. Gives how many
/// notes were lost because too many came at once. When it fails, or is not waited for, nothing is
/// lost: it is tried again.
///
/// # Errors
/// When the database fails.
pub async fn flush(ctx: &Context) -> Result<u64, Failure> {
    // Whoever reads waits for a flush that is under way.
    let _turn = ctx.refusals.turn().await;
    let taken = ctx.refusals.take();
    if !taken.notes().is_empty() {
        write(ctx, taken.notes()).await?;
    }
    Ok(taken.written())
}

async fn write(ctx: &Context, notes: &[Note]) -> Result<(), Failure> {
    let tx = ctx.db.write(Lane::Ordinary).await?;
    store::insert(&tx, notes).await?;
    let mut touched: Vec<LicenseId> = notes.iter().map(|note| note.license).collect();
    touched.sort_unstable();
    touched.dedup();
    store::forget_old(&tx, &touched).await?;
    tx.commit().await?;
    Ok(())
}

fn render(row: licentia_entity::refusal::Model) -> Result<RefusalResponse, Failure> {
    let operation = Operation::ALL.into_iter().find(|known| known.as_str() == row.operation);
    Ok(RefusalResponse {
        at: row.at,
        operation: operation.ok_or(Failure::Corrupt("refusal"))?,
        code: row.code,
        ip: row.ip,
        hostname: row.hostname,
        product_version: row.product_version,
        fingerprint: row.fingerprint,
        request_id: row.request_id,
    })
}
