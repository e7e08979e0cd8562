//! A machine that has its seat: its token is signed after the commit.

use std::sync::Arc;

use licentia_entity::activation;
use licentia_types::activations::{ActivateResponse, HeartbeatTerms};
use licentia_types::seats::Seats as SeatCount;
use licentia_types::time::Timestamp;

use super::error::ActivationError;
use super::grant::Grant;
use super::render;
use crate::context::Context;
use crate::heartbeats::chain::Chain;
use crate::signing_keys::SigningKey;
use crate::tokens::{self, Bearer, Recipient};

/// A machine that was activated.
pub struct Activated {
    /// The answer.
    pub response: ActivateResponse,
    /// Whether it took a seat that it did not have.
    pub created: bool,
}

impl std::fmt::Debug for Activated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Activated").field("created", &self.created).finish_non_exhaustive()
    }
}

/// A machine that has its seat, durably: its token is to be signed.
#[derive(Debug)]
pub(super) struct Bound {
    /// When it was bound.
    pub(super) now: Timestamp,
    pub(super) machine: activation::Model,
    pub(super) grant: Grant,
    pub(super) seats: SeatCount,
    pub(super) signing_key: Arc<SigningKey>,
    pub(super) recipient: Option<Recipient>,
    /// Whether it took a seat that it did not have.
    pub(super) created: bool,
}

impl Bound {
    /// Signs, after the commit.
    pub(super) async fn activated(self, ctx: &Context) -> Result<Activated, ActivationError> {
        let Self { now, machine, grant: Grant { granted, window }, seats, signing_key, .. } = self;
        signing_key.reserve(&ctx.db, window.stale_until).await?;
        let nonce = Chain::of(&machine)?.nonce();
        let bearer = Bearer { activation: &machine, nonce };
        let claims = tokens::claims(ctx, Arc::clone(&granted.claim_set), window, bearer);
        let packed = tokens::mint(&signing_key, granted.product.token_typ, &claims, self.recipient.as_ref())?;
        let response = ActivateResponse {
            token: packed.token,
            token_type: packed.token_type,
            expires_at: window.expires,
            nonce: ctx.secrets.nonces.mint(machine.id.uuid().as_bytes(), nonce),
            heartbeat: HeartbeatTerms {
                required: claims.set.heartbeat_required,
                interval_seconds: claims.set.heartbeat_interval,
            },
            refresh_after: window.refresh_after,
            stale_until: window.stale_until,
            seats,
            activation: render(machine, now),
        };
        Ok(Activated { response, created: self.created })
    }
}
