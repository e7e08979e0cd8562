//! The heartbeat: rotates a machine's nonce, records its contact, gives it a fresh token.
//!
//! Nothing is written until every proof holds; the new generation and the contact are durable
//! before the answer leaves; the token is signed after the commit.

use licentia_crypto::digests::request_id_digest;
use licentia_crypto::nonces::Nonce;
use licentia_entity::{activation, license, product};
use licentia_types::activations::{ActivationStatus, Liveness};
use licentia_types::heartbeats::{HeartbeatRequest, HeartbeatResponse};
use licentia_types::licenses::LicenseStatus;
use licentia_types::text::RequestId;
use serde_json::json;

use crate::activations;
use crate::actors::{Actor, Caller};
use crate::context::{Context, Moment};
use crate::database::Lane;
use crate::failure::Failure;
use crate::licenses::{self, terms};
use crate::scope::Scope;
use crate::tokens::{self, Bearer, Entitlements, Recipient, Window};
use crate::{audit, catalog, products};

use chain::{Chain, Verdict};
use contact::Contact;
pub use error::HeartbeatError;
use store::Rotation;

pub mod chain;
mod contact;
mod error;
mod store;

/// How often a heartbeat is judged again because something changed while it was.
const ATTEMPTS: usize = 32;

/// A machine calls.
///
/// # Errors
/// When a proof does not hold, the nonce was used before, or the machine was deactivated.
pub async fn beat(
    ctx: &Context,
    caller: &Caller,
    request: HeartbeatRequest,
) -> Result<HeartbeatResponse, HeartbeatError> {
    let moment = ctx.moment();
    let id = request.activation_id;
    let presented = ctx
        .secrets
        .nonces
        .open(id.uuid().as_bytes(), request.nonce.expose())
        .map_err(|_| HeartbeatError::NonceInvalid)?;
    let caller = caller.acting_as(Actor::Activation(id));
    for _ in 0..ATTEMPTS {
        let standing = Standing::load(ctx, &caller, &moment, &request).await?;
        let digest = request.request_id.as_ref().map(RequestId::as_str).map(request_id_digest);
        let (machine, times) = (&standing.machine, standing.entitlements.times);
        let contact = match Chain::of(machine)?.judge(presented, digest, moment.now) {
            Verdict::Reused => return refuse_copy(ctx, &moment, &caller, machine).await,
            Verdict::Rotated { chain, restored } => Contact::rotated(machine, times, chain, restored),
            Verdict::Repeated { chain, suspicious } => Contact::repeated(machine, times, chain, suspicious),
        };
        if let Some(response) = standing.answer(ctx, &caller, &moment, &request, contact).await? {
            return Ok(response);
        }
    }
    Err(HeartbeatError::Contended)
}

/// What a heartbeat is judged by, as it was read.
struct Standing {
    machine: activation::Model,
    license: license::Model,
    product: product::Model,
    entitlements: Entitlements,
    status: LicenseStatus,
    /// None: the licence is worth no token.
    window: Option<Window>,
}

impl Standing {
    async fn load(
        ctx: &Context,
        caller: &Caller,
        moment: &Moment<'_>,
        request: &HeartbeatRequest,
    ) -> Result<Self, HeartbeatError> {
        let scope = caller.actor.scope();
        let machine = activations::store::find(&ctx.db, scope, request.activation_id)
            .await?
            .ok_or(HeartbeatError::NotFound)?;
        if machine.fingerprint != request.fingerprint {
            return Err(HeartbeatError::FingerprintMismatch);
        }
        if machine.status == ActivationStatus::Deactivated {
            return Err(HeartbeatError::Deactivated);
        }
        let license = licenses::store::find(&ctx.db, Scope::License(machine.license_id), machine.license_id)
            .await?
            .ok_or(Failure::Corrupt("licence"))?;
        let product = products::store::get(&ctx.db, license.product_id).await?;
        let catalogue = catalog::load(&ctx.db, product.id).await?;
        let entitlements = terms::entitlements(ctx, &catalogue, &license)?;
        let status = licenses::status(&license, moment.now);
        let end = tokens::license_end(license.expires_at, entitlements.times);
        let window = match status {
            LicenseStatus::Active | LicenseStatus::Expired => {
                Window::at(moment.now, entitlements.times, end, ctx.settings.backdate)
            }
            LicenseStatus::Suspended | LicenseStatus::Revoked => None,
        };
        Ok(Self { machine, license, product, entitlements, status, window })
    }

    /// Writes the contact, commits, signs. None when something changed in between.
    async fn answer(
        &self,
        ctx: &Context,
        caller: &Caller,
        moment: &Moment<'_>,
        request: &HeartbeatRequest,
        contact: Contact,
    ) -> Result<Option<HeartbeatResponse>, HeartbeatError> {
        let claim_set = self.entitlements.claim_set(&ctx.settings.issuer, &self.license, &self.product);
        let signing_key = ctx.keys.token_key();
        let recipient = Recipient::of(&ctx.db, &self.machine).await?;
        let kept = tokens::find_claim_set(&ctx.db, &self.license, &self.product).await?;

        let tx = ctx.db.write(Lane::Heartbeat).await?;
        let mut machine = self.machine.clone();
        contact.write_to(&mut machine, caller, request, moment)?;
        if let Some(window) = self.window {
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
        if store::rotate(&tx, &[self.rotation(&machine)]).await?.is_empty() {
            return Ok(None);
        }
        contact.record(&tx, moment, caller, &machine).await?;
        tx.commit().await?;

        let nonce = contact.chain.nonce();
        let packed = match self.window {
            None => None,
            Some(window) => {
                signing_key.reserve(&ctx.db, window.stale_until).await?;
                let claims = tokens::claims(claim_set, window, Bearer { activation: &machine, nonce });
                Some(tokens::mint(&signing_key, self.product.token_typ, &claims, recipient.as_ref())?)
            }
        };
        Ok(Some(self.render(ctx, moment, &contact, nonce, packed)))
    }

    fn rotation(&self, machine: &activation::Model) -> Rotation {
        let minted = self.window.is_some();
        Rotation {
            id: machine.id.uuid().simple().to_string(),
            epoch: self.machine.epoch,
            generation: self.machine.generation,
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
        nonce: Nonce,
        packed: Option<tokens::Packed>,
    ) -> HeartbeatResponse {
        let next_call = moment.now - ctx.settings.backdate + self.entitlements.times.heartbeat_interval;
        HeartbeatResponse {
            status: self.status,
            token_type: packed.as_ref().map(|packed| packed.token_type),
            token: packed.map(|packed| packed.token),
            expires_at: self.window.map(|window| window.expires),
            nonce: ctx.secrets.nonces.mint(self.machine.id.uuid().as_bytes(), nonce),
            refresh_after: self.window.map_or(next_call, |window| window.refresh_after),
            stale_until: self.window.map(|window| window.stale_until),
            recovered: contact.previous != Liveness::Active,
            previous_status: contact.previous,
            server_time: moment.now,
        }
    }
}

/// A nonce that was used before: somebody else has a copy of the installation. Written down, and
/// refused.
async fn refuse_copy<T>(
    ctx: &Context,
    moment: &Moment<'_>,
    caller: &Caller,
    machine: &activation::Model,
) -> Result<T, HeartbeatError> {
    if machine.clone_suspected_at.is_some_and(|at| moment.now < at + store::SUSPICION) {
        return Err(HeartbeatError::NonceReused);
    }
    let tx = ctx.db.write(Lane::Ordinary).await?;
    if store::suspect(&tx, machine.id, moment.now).await? {
        let event = audit::Event::new(
            "activation.clone_suspected",
            &machine.id,
            json!({"epoch": machine.epoch, "generation": machine.generation}),
        )
        .of_license(machine.license_id);
        audit::record(&tx, moment, caller, event).await?;
        tx.commit().await?;
    }
    Err(HeartbeatError::NonceReused)
}
