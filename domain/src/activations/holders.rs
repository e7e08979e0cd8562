//! Which machines hold the seats of a full licence: told to its owner, who gives one of them back, and to nobody else.

use licentia_types::ids::LicenseId;
use licentia_types::seats::{SeatHolder, SeatsTaken};

use super::ActivationError;
use super::store;
use crate::accounts;
use crate::actors::Caller;
use crate::context::Context;
use crate::licenses;
use crate::scope::Scope;

/// The same refusal; where the caller is the licence's owner, it names the machines.
pub(crate) async fn named_to_owner(
    ctx: &Context,
    caller: &Caller,
    license: Option<LicenseId>,
    error: ActivationError,
) -> ActivationError {
    match (error, accounts::signed_in(caller), license) {
        (ActivationError::SeatLimit(taken), Some((customer, _)), Some(license)) => {
            match holders(ctx, Scope::Customer(customer), license).await {
                Ok(machines) => ActivationError::SeatLimit(SeatsTaken { machines, ..taken }),
                Err(failed) => failed,
            }
        }
        (error, ..) => error,
    }
}

async fn holders(
    ctx: &Context,
    scope: Scope,
    license: LicenseId,
) -> Result<Option<Vec<SeatHolder>>, ActivationError> {
    if licenses::store::find(&ctx.db, scope.clone(), license).await?.is_none() {
        return Ok(None);
    }
    let machines = store::holding(&ctx.db, scope, license).await?.into_iter().map(|machine| SeatHolder {
        activation_id: machine.id,
        hostname: machine.hostname,
        user_ref: machine.user_ref,
        last_seen: machine.last_contact_at,
    });
    Ok(Some(machines.collect()))
}
