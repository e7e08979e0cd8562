//! A machine that has its seat: its token is signed after the commit.

use std::sync::Arc;

use licentia_crypto::jws::Unsigned;
use licentia_entity::activation;
use licentia_types::activations::{ActivateResponse, HeartbeatTerms};
use licentia_types::seats::Seats as SeatCount;
use licentia_types::time::Timestamp;

use super::error::ActivationError;
use super::grant::Grant;
use super::proof::Proof;
use super::render;
use crate::context::Context;
use crate::failure::Failure;
use crate::heartbeats::chain::Chain;
use crate::lanes::SignedToken;
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
    /// The proof that it asked for.
    pub(super) proof: Option<Proof>,
    /// Whether it took a seat that it did not have.
    pub(super) created: bool,
    /// Its token, where it was signed together with others.
    pub(super) token: Option<SignedToken>,
}

impl Bound {
    /// The token but for its signature.
    pub(super) fn unsigned(&self, ctx: &Context) -> Result<Unsigned, Failure> {
        let Grant { granted, window } = &self.grant;
        let bearer = Bearer { activation: &self.machine, nonce: Chain::of(&self.machine)?.nonce() };
        let claims = tokens::claims(ctx, Arc::clone(&granted.claim_set), *window, bearer);
        Ok(self.signing_key.unsigned(granted.product.token_typ, &claims)?)
    }

    /// Signs, after the commit.
    pub(super) async fn activated(mut self, ctx: &Context) -> Result<Activated, ActivationError> {
        self.signing_key.reserve(&ctx.db, self.grant.window.stale_until).await?;
        let token = match self.token.take() {
            Some(SignedToken(token)) => token,
            None => self.signing_key.finish(self.unsigned(ctx)?).map_err(Failure::from)?,
        };
        let packed = tokens::pack(token, self.recipient.as_ref())?;
        let Self { now, machine, grant: Grant { granted, window }, seats, .. } = self;
        let nonce = Chain::of(&machine)?.nonce();
        let bearer = Bearer { activation: &machine, nonce };
        let activation_proof = match self.proof {
            None => None,
            Some(proof) => Some(proof.sign(ctx, &granted.claim_set, window, bearer).await?),
        };
        let response = ActivateResponse {
            token: packed.token,
            token_type: packed.token_type,
            expires_at: window.expires,
            nonce: ctx.secrets.nonces.mint(machine.id.uuid().as_bytes(), nonce),
            heartbeat: HeartbeatTerms {
                required: granted.claim_set.heartbeat_required,
                interval_seconds: granted.claim_set.heartbeat_interval,
            },
            refresh_after: window.refresh_after,
            stale_until: window.stale_until,
            seats,
            activation_proof,
            activation: render(machine, now),
        };
        Ok(Activated { response, created: self.created })
    }
}
