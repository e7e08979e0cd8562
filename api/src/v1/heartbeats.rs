//! `/license-keys/heartbeat`

use actix_web::post;
use actix_web::web::Json;
use licentia_domain::heartbeats;
use licentia_types::heartbeats::{HeartbeatRequest, HeartbeatResponse};

use crate::Ctx;
use crate::body::Body;
use crate::guard::Machine;
use crate::problem::ApiError;
use crate::refusals::{Beating, Refused};

/// Renew a machine's token
///
/// Rotates the nonce. When no answer arrives, send the same request again, with the same
/// `requestId`: it counts once, and so does the usage that it reports. 409 `NONCE_REUSED` says to activate again.
#[utoipa::path(
    tag = "Machines",
    request_body(content = HeartbeatRequest, example = json!({
        "activationId": "act_01h455vb4pex5vsknk084sn02q",
        "fingerprint": "5f0c1f7a-board-serial",
        "nonce": "the nonce of the last answer",
        "requestId": "b7f0c1d2e3a4958677889900aabbccdd",
        "usage": {"export.pdf": 12}
    })),
    responses((status = OK, description = "The next nonce, and mostly a token", body = HeartbeatResponse), Refused<Beating>)
)]
#[post("/license-keys/heartbeat")]
pub(crate) async fn heartbeat(
    ctx: Ctx,
    machine: Machine<Body<HeartbeatRequest>>,
) -> Result<Json<HeartbeatResponse>, ApiError> {
    let (caller, Body(beat)) = machine.open();
    Ok(Json(heartbeats::beat(&ctx, &caller, beat).await?))
}
