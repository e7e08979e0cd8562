//! Whether the server lives, and whether it should be given work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::{get, web};
use licentia_domain::clock_mark::{self, Standing};
use licentia_domain::failure::Failure;
use licentia_domain::refusal::Refusal;
use licentia_types::problems::ProblemCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Ctx;
use crate::limits::{Limits, Sharing};
use crate::problem::ApiError;
use crate::refusals::{NotReady, Refused};
use crate::signer;

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the server is about to stop.
#[derive(Debug, Default)]
pub(crate) struct Draining(AtomicBool);

impl Draining {
    /// From now on the server is not ready.
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The server can be given work: the database answers, keys and migrations are there, and the clock is right.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HealthResponse {
    /// `ok`, or `degraded`: it works, but not as configured
    status: &'static str,
    /// `shared`, or `local` while Redis is gone; absent without Redis.
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<&'static str>,
    /// What signs tokens: `multi_buffer` (several at once) or `aws_lc` (one after another)
    signer: &'static str,
}

/// The server runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LiveResponse {
    /// `ok`
    status: &'static str,
}

#[derive(Debug, thiserror::Error)]
enum NotReadyError {
    #[error("the server is stopping")]
    Stopping,
    #[error("the database did not answer")]
    Database(#[source] Failure),
    #[error("the database did not answer in time")]
    DatabaseSlow,
    #[error("{0}: set it right, or run `licentia clock confirm` where this server runs")]
    Clock(Standing),
}

impl Refusal for NotReadyError {
    fn code(&self) -> ProblemCode {
        ProblemCode::Unavailable
    }
}

/// Ready: the same as `/health/ready`
#[utoipa::path(tag = "Health", responses((status = OK, description = "Ready", body = HealthResponse), Refused<NotReady>))]
#[get("/health")]
pub(crate) async fn health(
    ctx: Ctx,
    draining: web::Data<Draining>,
    limits: web::Data<Limits>,
) -> Result<web::Json<HealthResponse>, ApiError> {
    check(&ctx, &draining, &limits).await
}

/// Ready: the database answers, keys and migrations are there, and the clock is right
#[utoipa::path(tag = "Health", responses((status = OK, description = "Ready", body = HealthResponse), Refused<NotReady>))]
#[get("/health/ready")]
pub(crate) async fn ready(
    ctx: Ctx,
    draining: web::Data<Draining>,
    limits: web::Data<Limits>,
) -> Result<web::Json<HealthResponse>, ApiError> {
    check(&ctx, &draining, &limits).await
}

/// Live: the process answers
#[utoipa::path(tag = "Health", responses((status = OK, description = "Live", body = LiveResponse)))]
#[get("/health/live")]
pub(crate) async fn live() -> web::Json<LiveResponse> {
    web::Json(LiveResponse { status: "ok" })
}

/// Keys and migrations were there when the server began to listen, and do not go away.
async fn check(
    ctx: &Ctx,
    draining: &Draining,
    limits: &Limits,
) -> Result<web::Json<HealthResponse>, ApiError> {
    if draining.has_begun() {
        return Err(NotReadyError::Stopping.into());
    }
    let answer = tokio::time::timeout(PATIENCE, clock_mark::look(ctx)).await;
    match answer.map_err(|_| NotReadyError::DatabaseSlow)?.map_err(NotReadyError::Database)? {
        Standing::Right => {}
        wrong => return Err(NotReadyError::Clock(wrong).into()),
    }
    let limits = limits.sharing();
    let (signer, signs_as_started) = signer::standing(ctx);
    let is_whole = signs_as_started && limits != Some(Sharing::Local);
    let limits = limits.map(|sharing| match sharing {
        Sharing::Shared => "shared",
        Sharing::Local => "local",
    });
    let status = if is_whole { "ok" } else { "degraded" };
    Ok(web::Json(HealthResponse { status, limits, signer }))
}
