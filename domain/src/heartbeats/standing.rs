//! What heartbeats are judged by, as it was read without a transaction: one statement for a batch.

use std::collections::HashMap;
use std::sync::Arc;

use licentia_entity::activation;
use licentia_types::activations::ActivationStatus;
use licentia_types::ids::{ActivationId, LicenseId};
use licentia_types::time::Timestamp;

use super::error::HeartbeatError;
use super::queue::Beat;
use super::store;
use super::worth::Worth;
use crate::context::{Context, Moment};
use crate::database::hot::Hot;
use crate::database::{Database, Lane};
use crate::failure::Failure;
use crate::licenses::grants::{self, Granted};
use crate::tokens;

/// Finds, or keeps, what is claimed of these licences, in a transaction of its own: a row that no machine
/// comes to name is in nobody's way.
pub(super) async fn keep_claim_sets(
    ctx: &Context,
    db: &Database,
    moment: &Moment<'_>,
    granted: &[&Granted],
) -> Result<HashMap<LicenseId, i64>, Failure> {
    let tx = db.write(Lane::Heartbeat).await?;
    let kept = tokens::keep_claim_sets(&tx, ctx, moment, granted).await?;
    tx.commit().await?;
    Ok(kept)
}

/// What a heartbeat is judged by, as it was read.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) machine: activation::Model,
    pub(super) granted: Arc<Granted>,
    /// The row that keeps what a token would claim; none as long as no token did.
    pub(super) claim_set: Option<i64>,
}

impl Standing {
    /// Of these machines, those that there are.
    pub(super) async fn load(
        ctx: &Context,
        hot: &Hot,
        ids: &[ActivationId],
    ) -> Result<HashMap<ActivationId, Self>, Failure> {
        let seen = store::seen(hot, ids).await?;
        let granted = grants::of_names(ctx, hot, seen.iter().map(|seen| seen.grant)).await?;
        let stand = |seen: store::Seen| {
            // A licence that was deleted in between took its machines with it.
            let granted = Arc::clone(granted.get(&seen.machine.license_id)?);
            let claim_set = seen.claim_set.filter(|_| granted.name() == seen.grant);
            Some((seen.machine.id, Self { machine: seen.machine, granted, claim_set }))
        };
        Ok(seen.into_iter().filter_map(stand).collect())
    }

    /// Whether the machine is who it says.
    pub(super) fn admit(&self, beat: &Beat) -> Result<(), HeartbeatError> {
        if self.machine.fingerprint != beat.request.fingerprint {
            return Err(HeartbeatError::FingerprintMismatch);
        }
        match self.machine.status {
            ActivationStatus::Active | ActivationStatus::Lapsed | ActivationStatus::Revoked => Ok(()),
            ActivationStatus::Deactivated => Err(HeartbeatError::Deactivated),
        }
    }

    /// Finds, or keeps, what the machine's token will claim.
    pub(super) async fn keep_claim_set(&mut self, ctx: &Context, moment: &Moment<'_>) -> Result<(), Failure> {
        if self.claim_set.is_none() {
            let kept = keep_claim_sets(ctx, &ctx.db, moment, &[&*self.granted]).await?;
            self.claim_set = kept.get(&self.machine.license_id).copied();
        }
        Ok(())
    }

    pub(super) fn worth(&self, ctx: &Context, now: Timestamp) -> Worth {
        let Granted { license, entitlements, .. } = &*self.granted;
        Worth::of(license, &self.machine, entitlements.times, now, ctx.settings.backdate)
    }
}
