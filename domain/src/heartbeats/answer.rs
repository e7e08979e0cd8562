//! The answer to a heartbeat that was committed: what was not signed together with others is signed now.

use std::sync::Arc;

use licentia_crypto::jws::{SignError, Unsigned};
use licentia_types::heartbeats::HeartbeatResponse;
use licentia_types::time::Timestamp;

use super::outcome::Rotated;
use super::worth::Worth;
use crate::context::Context;
use crate::failure::Failure;
use crate::lanes::SignedToken;
use crate::tokens::{self, Bearer, Packed, Recipient, Window};

/// What was signed for the machine.
enum Signed {
    Token(Window, Packed),
    Grace(Timestamp, Packed),
    Nothing,
}

impl Rotated {
    /// Signs, and answers.
    pub(super) async fn answer(mut self, ctx: &Context) -> Result<HeartbeatResponse, Failure> {
        let signed = match self.worth {
            Worth::Token { window, .. } => Signed::Token(window, self.mint_token(ctx, window).await?),
            Worth::Grace { until } => Signed::Grace(until, self.mint_grace(ctx, until).await?),
            Worth::Nothing(_) | Worth::Revival { .. } => Signed::Nothing,
        };
        Ok(self.render(ctx, signed))
    }

    async fn mint_token(&mut self, ctx: &Context, window: Window) -> Result<Packed, Failure> {
        let recipient = Recipient::of(ctx, &ctx.db, &self.machine).await?;
        if let Some(SignedToken(token)) = self.token.take() {
            return tokens::pack(token, recipient.as_ref());
        }
        self.signing_key.reserve(&ctx.db, window.stale_until).await?;
        tokens::pack(self.signing_key.finish(self.unsigned(ctx, window)?)?, recipient.as_ref())
    }

    /// The token but for its signature.
    pub(super) fn unsigned(&self, ctx: &Context, window: Window) -> Result<Unsigned, SignError> {
        let bearer = Bearer { activation: &self.machine, nonce: self.contact.chain.nonce() };
        let claims = tokens::claims(ctx, Arc::clone(&self.granted.claim_set), window, bearer);
        self.signing_key.unsigned(self.granted.product.token_typ, &claims)
    }

    fn render(&self, ctx: &Context, signed: Signed) -> HeartbeatResponse {
        let interval = self.granted.entitlements.times.heartbeat_interval;
        let mut response = HeartbeatResponse {
            status: self.worth.status(),
            token: None,
            token_type: None,
            expires_at: None,
            nonce: ctx.secrets.nonces.mint(self.machine.id.uuid().as_bytes(), self.contact.chain.nonce()),
            refresh_after: self.now - ctx.settings.backdate + interval,
            stale_until: None,
            grace_token: None,
            grace_until: None,
            recovered: self.contact.recovers(&self.worth),
            previous_status: self.contact.previous,
            server_time: self.now,
        };
        match signed {
            Signed::Token(window, packed) => {
                response.token = Some(packed.token);
                response.token_type = Some(packed.token_type);
                response.expires_at = Some(window.expires);
                response.refresh_after = window.refresh_after;
                response.stale_until = Some(window.stale_until);
            }
            Signed::Grace(until, packed) => {
                response.grace_token = Some(packed.token);
                response.grace_until = Some(until);
            }
            Signed::Nothing => {}
        }
        response
    }
}
