//! The word that a revoked machine gets while it may go on: a document of its own type and
//! audience, which nobody takes for a licence token.

use licentia_types::time::Timestamp;
use licentia_types::tokens::{ClaimSet, GraceClaims};

use super::outcome::Rotated;
use crate::context::Context;
use crate::failure::Failure;
use crate::tokens::{self, Packed, Recipient, TokenId};

const TYP: &str = "grace+jwt";

impl Rotated {
    /// Signs, after the commit.
    pub(super) async fn mint_grace(&self, ctx: &Context, until: Timestamp) -> Result<Packed, Failure> {
        let recipient = Recipient::of(ctx, &ctx.db, &self.machine).await?;
        let key = ctx.document_key(self.now).await?;
        key.reserve(&ctx.db, until).await?;
        let token = key.sign_document(TYP, &self.grace_claims(ctx, until))?;
        tokens::pack(token, recipient.as_ref())
    }

    fn grace_claims(&self, ctx: &Context, until: Timestamp) -> GraceClaims {
        let set = ClaimSet::clone(&self.granted.claim_set);
        let nonce = self.contact.chain.nonce();
        let token_id = TokenId { activation: self.machine.id, nonce, afresh: None };
        let issued = (self.now - ctx.settings.backdate).seconds();
        GraceClaims {
            iss: set.iss,
            sub: set.sub,
            aud: format!("urn:licentia:grace:{}", set.aud),
            iat: issued,
            nbf: issued,
            exp: until.seconds(),
            jti: format!("{token_id}.grace"),
            license_id: set.license_id,
            activation_id: self.machine.id,
            fingerprint: tokens::fingerprint(&self.machine),
            tier: set.tier,
            features: set.features,
            feature_values: set.feature_values,
        }
    }
}
