//! Checking the audit log against its chain, its head and its checkpoints, a batch at a time.

use licentia_types::audit::AuditVerificationResponse;
use licentia_types::system_events::SystemEventLevel;
use serde_json::json;

use super::{AuditError, checkpoints, unsealed};
use crate::actors::Caller;
use crate::context::Context;
use crate::failure::Failure;
use crate::scope::Scope;
use crate::system_events::{self, SystemEvent};
use check::Check;

mod check;
pub(super) mod findings;

/// Rows that are looked at together.
pub(super) const BATCH: u64 = 1000;

/// How far a check has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Links and entries that were checked.
    pub done: u64,
    /// Links and entries that there are.
    pub of: u64,
}

/// Checks the whole log, and that it holds what `kept` says, a checkpoint that was kept elsewhere.
///
/// Memory does not grow with the log. What is written meanwhile is left for the next check.
///
/// # Errors
/// When the database fails; whatever is wrong with the log is a finding.
pub async fn verify(
    ctx: &Context,
    kept: Option<&str>,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<AuditVerificationResponse, Failure> {
    let mut check = Check::begin(ctx, kept).await?;
    let of = check.size().await?;
    while check.batch().await? {
        progress(Progress { done: check.links, of });
    }
    check.end_of_tail().await?;
    let Check { mut findings, links, .. } = check;
    let told = |entries| progress(Progress { done: links + entries, of });
    let entries = unsealed::find(ctx, &mut findings, &told).await?;
    entries.report_overdue(&mut findings);
    Ok(AuditVerificationResponse {
        whole: findings.count() == 0,
        links,
        entries: entries.seen,
        waiting: entries.waiting,
        found: findings.count(),
        findings: findings.shown(),
        checkpoint: checkpoints::newest(ctx).await?.map(|checkpoint| checkpoint.signed),
    })
}

/// The same for somebody else, of which operators are told when something is found.
///
/// # Errors
/// When the caller is no operator, or the database fails.
pub async fn verify_for(
    ctx: &Context,
    caller: &Caller,
    kept: Option<&str>,
) -> Result<AuditVerificationResponse, AuditError> {
    if caller.actor.scope() != Scope::Everything {
        return Err(AuditError::NotForThem);
    }
    let report = verify(ctx, kept, &|_| {}).await?;
    if let Some(first) = report.findings.first() {
        let event = SystemEvent {
            level: SystemEventLevel::Error,
            source: "audit",
            message: format!("the audit log is not whole: {}", first.kind.as_str()),
            detail: json!({"found": report.found, "first": first}),
            request_id: caller.request_id.clone(),
        };
        system_events::record(ctx, event).await;
    }
    Ok(report)
}
