//! `/metrics`: what this instance does, in numbers, as `OpenMetrics` text.

use actix_web::{HttpResponse, get};
use licentia_domain::{activations, heartbeats, lanes};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::guard::{Unbounded, perm};
use crate::problem::ApiError;
use crate::{Ctx, signer};

/// `OpenMetrics` 1.0, as Prometheus reads it.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What this instance does, in numbers
///
/// `OpenMetrics` text, for Prometheus and those that read the same. Counters begin with the process; of several
/// instances each tells its own.
#[utoipa::path(
    tag = "Health",
    responses((status = OK, description = "Metrics", body = String, content_type = "application/openmetrics-text")),
    security(("bearer" = ["metrics"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[get("/metrics")]
pub(crate) async fn metrics(ctx: Ctx, allowed: Unbounded<perm::Metrics>) -> Result<HttpResponse, ApiError> {
    allowed.open();
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = encode(&mut text, &registry(&ctx));
    Ok(HttpResponse::Ok().content_type(MEDIA_TYPE).body(text))
}

fn registry(ctx: &Ctx) -> Registry {
    let mut registry = Registry::with_prefix("licentia");
    let (signer, _) = signer::standing(ctx);
    registry.register("signer", "What signs tokens", Info::new([("name", signer)]));
    let lanes = lanes::counts(ctx);
    for (name, help, count) in [
        ("lanes_calls", "How often several tokens were signed at once", lanes.calls),
        (
            "lanes_filled",
            "Tokens that were signed so: lanes that were filled, of eight in each call",
            lanes.filled,
        ),
        ("lanes_faults", "Signatures of lanes that were wrong and made again", lanes.faults),
    ] {
        registry.register(name, help, ConstCounter::new(count));
    }
    for (name, help, waiting) in [
        ("heartbeats_waiting", "Heartbeats that wait for the next commit", heartbeats::waiting(ctx)),
        ("lanes_waiting", "Tokens that wait to be signed together", lanes::waiting(ctx)),
        (
            "activations_pending",
            "Machines that come for the first time and have no answer yet",
            activations::pending(ctx),
        ),
    ] {
        registry.register(name, help, ConstGauge::new(i64::try_from(waiting).unwrap_or(i64::MAX)));
    }
    registry
}
