//! The answer to a heartbeat: the contact is written and committed, and only then is anything
//! signed.

use licentia_entity::activation;
use licentia_types::activations::ActivationStatus;
use licentia_types::heartbeats::{HeartbeatRequest, HeartbeatResponse};
use licentia_types::time::Timestamp;

use super::contact::Contact;
use super::error::HeartbeatError;
use super::revival::Opened;
use super::standing::Standing;
use super::store::{self, Rotation};
use super::worth::Worth;
use crate::activations::{self, hold_lease};
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::status_lists;
use crate::tokens::{self, Bearer, Packed, Recipient, Window};

/// What was signed for the machine.
enum Signed {
    Token(Window, Packed),
    Grace(Timestamp, Packed),
    Nothing,
}

impl Standing {
    /// Writes the contact, commits, signs. None when something changed in between.
    pub(super) async fn answer(
        &self,
        ctx: &Context,
        caller: &Caller,
        moment: &Moment<'_>,
        request: &HeartbeatRequest,
        contact: Contact,
    ) -> Result<Option<HeartbeatResponse>, HeartbeatError> {
        let claim_set = self.entitlements.claim_set(&ctx.settings.issuer, &self.license, &self.product);
        let signing_key = ctx.token_key(moment.now).await?;
        let recipient = Recipient::of(&ctx.db, &self.machine).await?;
        let kept = tokens::find_claim_set(&ctx.db, &self.license, &self.product).await?;

        let Some(Opened { tx, mut machine, worth }) = self.open(ctx, caller, moment).await? else {
            return Ok(None);
        };
        contact.write_to(&mut machine, caller, request, moment)?;
        if machine.status == ActivationStatus::Active {
            hold_lease(&mut machine, self.entitlements.activation_model, self.entitlements.times, moment.now);
        }
        if let Some(window) = worth.window() {
            machine.claim_set_id = if let Some(id) = kept {
                id
            } else {
                activations::store::hold(&tx, machine.id).await?;
                tokens::keep_claim_set(&tx, ctx, moment, &self.license, &self.product, &claim_set).await?
            };
            machine.kid = signing_key.kid().to_owned();
            machine.token_iat = window.issued;
            machine.token_exp = window.expires;
        }
        if store::rotate(&tx, &[self.rotation(&machine, &worth)]).await?.is_empty() {
            return Ok(None);
        }
        if worth.window().is_some() {
            status_lists::end_former_places(&tx, &mut machine, moment.now).await?;
        }
        contact.record(&tx, moment, caller, &worth, (&machine, &self.license)).await?;
        tx.commit().await?;

        let signed = match worth {
            Worth::Token { window, .. } => {
                signing_key.reserve(&ctx.db, window.stale_until).await?;
                let bearer = Bearer { activation: &machine, nonce: contact.chain.nonce() };
                let claims = tokens::claims(ctx, claim_set, window, bearer);
                let typ = self.product.token_typ;
                Signed::Token(window, tokens::mint(&signing_key, typ, &claims, recipient.as_ref())?)
            }
            Worth::Grace { until } => {
                let packed = self.mint_grace(ctx, moment, &machine, until, recipient.as_ref()).await?;
                Signed::Grace(until, packed)
            }
            Worth::Nothing(_) | Worth::Revival { .. } => Signed::Nothing,
        };
        Ok(Some(self.render(ctx, moment, &contact, &worth, signed)))
    }

    fn rotation(&self, machine: &activation::Model, worth: &Worth) -> Rotation {
        let minted = worth.window().is_some();
        Rotation {
            id: machine.id.uuid().simple().to_string(),
            epoch: self.machine.epoch,
            generation: self.machine.generation,
            status: machine.status,
            status_serial: self.machine.status_serial,
            license_version: self.license.version,
            catalogue_revision: self.product.catalogue_revision,
            next_epoch: machine.epoch,
            next_generation: machine.generation,
            request_digest: machine.request_digest.as_ref().map(hex::encode),
            rotated_at: machine.rotated_at.micros(),
            late_generation: machine.late_generation,
            late_retries: machine.late_retries,
            contact_at: machine.last_contact_at.micros(),
            previous_contact_at: machine.previous_contact_at.micros(),
            floating: machine.floating,
            lease_until: machine.lease_until.map(Timestamp::micros),
            ip: machine.ip.clone(),
            product_version: machine.product_version.as_ref().map(ToString::to_string),
            claim_set_id: minted.then_some(machine.claim_set_id),
            kid: minted.then(|| machine.kid.clone()),
            token_iat: minted.then(|| machine.token_iat.micros()),
            token_exp: minted.then(|| machine.token_exp.micros()),
        }
    }

    fn render(
        &self,
        ctx: &Context,
        moment: &Moment<'_>,
        contact: &Contact,
        worth: &Worth,
        signed: Signed,
    ) -> HeartbeatResponse {
        let next_call = moment.now - ctx.settings.backdate + self.entitlements.times.heartbeat_interval;
        let mut response = HeartbeatResponse {
            status: worth.status(),
            token: None,
            token_type: None,
            expires_at: None,
            nonce: ctx.secrets.nonces.mint(self.machine.id.uuid().as_bytes(), contact.chain.nonce()),
            refresh_after: next_call,
            stale_until: None,
            grace_token: None,
            grace_until: None,
            recovered: contact.recovers(worth),
            previous_status: contact.previous,
            server_time: moment.now,
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
