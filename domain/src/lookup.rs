//! The look-up: what a pasted text belongs to, and why it would be refused now.
//!
//! The text may be a licence key or a token: it is in no log, in no audit row and in no answer. A
//! token is taken for one only when this server made it.

use licentia_types::ids::LicenseId;
use licentia_types::lookup::{LookupHint, LookupRequest, LookupResponse};
use licentia_types::problems::{FieldProblem, ProblemCode};
use serde_json::json;

use crate::actors::Caller;
use crate::audit;
use crate::context::Context;
use crate::database::Lane;
use crate::failure::{Failure, failed_from};
use crate::refusal::Refusal;
use crate::tokens::NotOurs;

use found::Found;
use pasted::Pasted;
use search::Search;

mod found;
mod pasted;
mod search;
mod store;
mod token;

/// Why nothing was looked up.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// Nothing, or far too much.
    #[error("text must be 1 to {} bytes long", pasted::MOST_BYTES)]
    Length,
    /// It has the form of a token, and this server did not make it as it is.
    #[error(transparent)]
    NotOurs(#[from] NotOurs),
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(LookupError);

impl Refusal for LookupError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::Length => ProblemCode::ValidationFailed,
            Self::NotOurs(_) => ProblemCode::TokenInvalid,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::Length => vec![FieldProblem::new("/text", "INVALID", self.to_string())],
            Self::NotOurs(_) | Self::Failed(_) => Vec::new(),
        }
    }

    fn reasons(&self) -> Vec<String> {
        match self {
            Self::NotOurs(not_ours) => vec![not_ours.word().to_owned()],
            Self::Length | Self::Failed(_) => Vec::new(),
        }
    }
}

/// Looks a pasted text up, in what the caller may see. Nothing found is an answer. That somebody
/// looked is written down with what he found, not with what he pasted.
///
/// # Errors
/// When there is no text, or it is a forged or foreign token.
pub async fn look_up(
    ctx: &Context,
    caller: &Caller,
    request: LookupRequest,
) -> Result<LookupResponse, LookupError> {
    let moment = ctx.moment();
    let pasted = Pasted::of(request.text.expose()).ok_or(LookupError::Length)?;
    let mut search = Search { ctx, scope: caller.actor.scope(), now: moment.now, found: Found::default() };
    search.follow(&pasted).await?;
    let hint = pasted.is_mistyped_key().then_some(LookupHint::LicenseKeyMalformed);
    let Search { found, scope, .. } = search;
    let response = found.answer(ctx, scope, moment.now, hint).await?;
    let tx = ctx.db.write(Lane::Ordinary).await?;
    audit::record(&tx, &moment, caller, event(&response)).await?;
    tx.commit().await?;
    Ok(response)
}

/// On the record of the licence, where there is but one, and nobody was found beside its customer: whoever reads that
/// record may not know of others.
fn event(response: &LookupResponse) -> audit::Event {
    let found: Vec<_> =
        response.matches.iter().map(|found| json!({"kind": found.kind, "id": found.id})).collect();
    let event = audit::Event::new("lookup.made", &"lookup", json!({"found": found}));
    let mut licenses: Vec<LicenseId> = response.matches.iter().filter_map(|found| found.license_id).collect();
    licenses.sort_unstable();
    licenses.dedup();
    let [only] = licenses.as_slice() else { return event };
    let mut own = response.matches.iter().filter(|found| found.license_id == Some(*only));
    let owner = own.find_map(|found| found.customer_id);
    let strangers =
        response.matches.iter().any(|found| found.customer_id != owner && found.customer_id.is_some());
    if strangers { event } else { event.of_license(*only) }
}
