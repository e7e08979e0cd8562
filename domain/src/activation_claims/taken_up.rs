//! A machine came in with its claim.

use licentia_entity::activation_claim;
use licentia_types::ids::ActivationId;
use serde_json::json;

use super::store;
use crate::actors::Caller;
use crate::audit;
use crate::context::Moment;
use crate::database::WriteTx;
use crate::failure::Failure;

/// Notes it in the transaction of the activation. Whoever was told so before is told again, and nothing more
/// is noted.
pub(crate) async fn taken_up(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    claim: &activation_claim::Model,
    machine: ActivationId,
) -> Result<(), Failure> {
    if !store::take_up(tx, claim.id, machine, moment.now).await? {
        return Ok(());
    }
    let detail = json!({"activationId": machine});
    let written = audit::Event::new("activation_claim.activated", &claim.id, detail);
    audit::record(tx, moment, caller, written.of_license(claim.license_id)).await
}
