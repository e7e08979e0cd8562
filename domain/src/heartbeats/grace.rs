//! The word that a revoked machine gets while it may go on: a document of its own type and
//! audience, which nobody takes for a licence token.

use licentia_entity::activation;
use licentia_types::time::Timestamp;
use licentia_types::tokens::GraceClaims;

use super::standing::Standing;
use crate::context::{Context, Moment};
use crate::failure::Failure;
use crate::heartbeats::chain::Chain;
use crate::tokens::{self, Packed, Recipient, TokenId};

const TYP: &str = "grace+jwt";

impl Standing {
    /// Signs, after the commit.
    pub(super) async fn mint_grace(
        &self,
        ctx: &Context,
        moment: &Moment<'_>,
        machine: &activation::Model,
        until: Timestamp,
        recipient: Option<&Recipient>,
    ) -> Result<Packed, Failure> {
        let key = ctx.document_key(moment.now).await?;
        key.reserve(&ctx.db, until).await?;
        let token = key.sign_document(TYP, &self.grace_claims(ctx, moment.now, machine, until)?)?;
        tokens::pack(token, recipient)
    }

    fn grace_claims(
        &self,
        ctx: &Context,
        now: Timestamp,
        machine: &activation::Model,
        until: Timestamp,
    ) -> Result<GraceClaims, Failure> {
        let set = self.entitlements.claim_set(&ctx.settings.issuer, &self.license, &self.product);
        let nonce = Chain::of(machine)?.nonce();
        let token_id = TokenId { activation: machine.id, nonce, afresh: None };
        let issued = (now - ctx.settings.backdate).seconds();
        Ok(GraceClaims {
            iss: set.iss,
            sub: set.sub,
            aud: format!("urn:licentia:grace:{}", set.aud),
            iat: issued,
            nbf: issued,
            exp: until.seconds(),
            jti: format!("{token_id}.grace"),
            license_id: set.license_id,
            activation_id: machine.id,
            fingerprint: tokens::fingerprint(machine),
            tier: set.tier,
            features: set.features,
            feature_values: set.feature_values,
        })
    }
}
