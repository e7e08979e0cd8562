//! Checking a licence out to a machine that cannot call.

use licentia_crypto::machine_keys::MachineKey;
use licentia_entity::{activation, license, license_file};
use licentia_types::activations::ActivationKind;
use licentia_types::ids::{LicenseFileId, LicenseId};
use licentia_types::license_files::{
    CheckoutRequest, CheckoutResponse, LicenseFileClaims, LicenseFileResponse,
};
use licentia_types::licenses::LicenseStatus;
use licentia_types::time::Timestamp;
use licentia_types::tokens::ClaimSet;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::claims::{self, Term};
use super::error::LicenseFileError;
use super::machine;
use super::request::{Addressee, Checkout};
use super::{days, delivery, store};
use crate::activations::seats::Seats;
use crate::activations::{self, ActivationError};
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::events::{self, Kind};
use crate::failure::Failure;
use crate::licenses::grants::Granted;
use crate::licenses::{self, first_activation};
use crate::scope::Scope;
use crate::signing_keys::Published;
use crate::tokens;
use crate::{audit, catalog, once, products, releases, signed_lists};

/// A licence that was checked out.
#[derive(Debug, Serialize, Deserialize)]
pub struct CheckedOut {
    /// The answer.
    pub response: CheckoutResponse,
    /// Whether the file is a new one.
    pub created: bool,
}

/// Gives a machine a file to run on, and a seat until the file ends. Asked for again, it is the same file
/// for as long as it is good and says what a new one would.
///
/// # Errors
/// When there is no such licence for the caller, it is worth nothing, or no seat is free.
pub async fn checkout(
    ctx: &Context,
    caller: &Caller,
    id: LicenseId,
    request: CheckoutRequest,
) -> Result<CheckedOut, LicenseFileError> {
    if let Some(before) = once::answered(caller)? {
        return again(ctx, before).await;
    }
    let moment = ctx.moment();
    let command = Checkout::parse(request)?;
    // Before anything is taken: whether anything can be signed, and by which keys still.
    let kid = signed_lists::present_key(ctx, moment.now).await?.kid().to_owned();
    let published = ctx.publication(moment.now).await;
    let scope = caller.actor.scope();
    let held = Box::pin(first_activation::hold_for(ctx, caller, id, moment.now)).await?;
    let (tx, opening) = held.ok_or(LicenseFileError::NotFound)?;
    let license = opening.license.clone();
    let offer = Offer::of(ctx, &tx, &license, command.ttl_days, moment.now).await?;
    command.expect_meant_for(ctx, &license, &offer.granted.product)?;

    let mut seats = Seats::of(&tx, moment, license, offer.granted.entitlements.limits).await?;
    let (mut machine, coming) = machine::come(&tx, &moment, &seats, &command.machine).await?;
    let free = &offer.granted.entitlements.free_environments;
    machine::settle(&tx, &mut seats, free, &mut machine, (&command.machine, coming), moment.now).await?;
    let draft = offer.draft(ctx, &tx, &moment, (seats.license(), &machine), &command).await?;
    if let Some(file) = draft.delivered(ctx, &tx, &published, (&command, moment.now)).await? {
        let (activation, count) = (activations::store::find(&tx, scope, machine.id).await?, seats.count());
        drop(tx);
        let activation = activation.ok_or(Failure::Corrupt("activation"))?;
        let file = delivery::deliver(ctx, file).await?;
        let activation = activations::render(activation, moment.now);
        let response = CheckoutResponse { file, activation, seats: count };
        return Ok(CheckedOut { response, created: false });
    }
    if machine.kind == ActivationKind::Offline {
        offer.sign_for(ctx, &tx, &moment, &mut machine, kid).await?;
    }
    machine::hold_until(&mut machine, offer.term.expires, moment.now);
    let machine = machine::write(&tx, &moment, caller, &seats, (machine, coming)).await?;
    if let Some(key) = &command.consumer_key {
        activations::keep_consumer_key(&tx, key, moment.now).await?;
    }
    let file = draft.write(ctx, &tx, &moment, caller, seats.license()).await?;
    let count = seats.count();
    let version = command.machine.product_version.as_ref();
    releases::see(&tx, version.map(|version| (offer.granted.product.id, version)), moment.now).await?;
    Box::pin(opening.settle(ctx, &tx, &moment, caller, &command.machine.fingerprint)).await?;
    let activation = activations::render(machine, moment.now);
    let unsigned = super::render(file.clone(), None);
    let response = CheckoutResponse { file: unsigned, activation, seats: count };
    let checked_out = CheckedOut { response, created: true };
    once::commit(ctx, &moment, caller, tx, &checked_out).await?;
    Ok(checked_out.with(delivery::deliver(ctx, file).await?))
}

/// The same for one of the caller's own licences: where all seats are taken, he is told by which machines.
///
/// # Errors
/// As [`checkout`].
pub async fn checkout_own(
    ctx: &Context,
    caller: &Caller,
    id: LicenseId,
    request: CheckoutRequest,
) -> Result<CheckedOut, LicenseFileError> {
    match checkout(ctx, caller, id, request).await {
        Err(LicenseFileError::Activation(error)) => {
            Err(activations::holders::named_to_owner(ctx, caller, Some(id), error).await.into())
        }
        outcome => outcome,
    }
}

impl CheckedOut {
    fn with(self, file: LicenseFileResponse) -> Self {
        Self { response: CheckoutResponse { file, ..self.response }, ..self }
    }
}

/// What was checked out before, with the file that was signed then.
async fn again(ctx: &Context, before: CheckedOut) -> Result<CheckedOut, LicenseFileError> {
    let (license, id) = (before.response.file.license_id, before.response.file.id);
    let file = store::find(&ctx.db, Scope::License(license), license, id).await?;
    let file = file.ok_or(Failure::Corrupt("licence file"))?;
    Ok(before.with(delivery::deliver(ctx, file).await?))
}

/// What a licence grants to a machine that is given a file now.
struct Offer {
    granted: Granted,
    term: Term,
}

impl Offer {
    async fn of(
        ctx: &Context,
        tx: &WriteTx,
        license: &license::Model,
        ttl_days: u32,
        now: Timestamp,
    ) -> Result<Self, LicenseFileError> {
        // Held as it is, so that the claim set is filed under the catalogue that it was made from.
        let product = products::store::find_unchanging(tx, license.product_id).await?;
        let product = product.ok_or(Failure::Corrupt("product"))?;
        let catalogue = catalog::of_product(ctx, tx, &product).await?;
        let granted = Granted::of(ctx, license.clone(), product, &catalogue)?;
        match licenses::status(license, now) {
            LicenseStatus::Revoked => return Err(ActivationError::LicenseRevoked.into()),
            LicenseStatus::Suspended => return Err(ActivationError::LicenseSuspended.into()),
            LicenseStatus::Active | LicenseStatus::Expired => {}
        }
        let end = tokens::license_end(license.expires_at, granted.entitlements.times);
        let term = Term::of(now, ttl_days, end).ok_or(ActivationError::LicenseExpired)?;
        Ok(Self { granted, term })
    }

    /// The file as it would be written now.
    async fn draft(
        &self,
        ctx: &Context,
        tx: &WriteTx,
        moment: &Moment<'_>,
        (license, machine): (&license::Model, &activation::Model),
        command: &Checkout,
    ) -> Result<Draft, LicenseFileError> {
        let id = LicenseFileId::new(moment.new_uuid()?);
        let licensee = claims::licensee_of(tx, license).await?;
        let record = claims::record(ctx, id, ClaimSet::clone(&self.granted.claim_set), self.term, licensee);
        let key = command.machine_key.as_ref();
        let slug = self.granted.product.slug.as_str();
        Ok(Draft {
            claims: claims::of_machine(ctx, slug, record, machine, key.map(MachineKey::thumbprint)),
            addressee: command.addressee(machine)?,
            machine_key: key.cloned(),
            ttl_days: days(command.ttl_days)?,
            machine: machine.clone(),
            term: self.term,
        })
    }

    /// Of a machine that has nothing but its file, the file is its last token.
    async fn sign_for(
        &self,
        ctx: &Context,
        tx: &WriteTx,
        moment: &Moment<'_>,
        machine: &mut activation::Model,
        kid: String,
    ) -> Result<(), Failure> {
        machine.claim_set_id = tokens::keep_claim_set(tx, ctx, moment, &self.granted).await?;
        machine.kid = kid;
        machine.token_iat = self.term.issued;
        machine.token_exp = machine.token_exp.max(self.term.expires);
        machine.previous_contact_at = machine.last_contact_at;
        machine.last_contact_at = moment.now;
        Ok(())
    }
}

/// A file that is not written yet.
struct Draft {
    claims: LicenseFileClaims,
    addressee: Option<Addressee>,
    machine_key: Option<MachineKey>,
    ttl_days: i32,
    machine: activation::Model,
    term: Term,
}

impl Draft {
    /// The file that the machine has already, when it is good and says the same: asked for in the same
    /// way, ends no later than the licence does now, and was signed by a key that is believed.
    async fn delivered(
        &self,
        ctx: &Context,
        tx: &WriteTx,
        published: &Published,
        (command, now): (&Checkout, Timestamp),
    ) -> Result<Option<license_file::Model>, LicenseFileError> {
        if command.renew {
            return Ok(None);
        }
        for file in store::live(tx, self.machine.id, now).await? {
            let believed = file.kid.as_ref().is_none_or(|kid| published.keys.pem(kid).is_some());
            let addressee = file.consumer_key.clone().zip(Some(file.consumer_key_alg.unwrap_or_default()));
            let as_asked = file.ttl_days == self.ttl_days && addressee == self.addressee;
            let in_time = file.expires_at <= self.term.expires;
            if believed && as_asked && in_time && claims::same(&claims::open(ctx, &file)?, &self.claims) {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    async fn write(
        self,
        ctx: &Context,
        tx: &WriteTx,
        moment: &Moment<'_>,
        caller: &Caller,
        license: &license::Model,
    ) -> Result<license_file::Model, Failure> {
        let (consumer_key, consumer_key_alg) = self.addressee.unzip();
        let file = license_file::Model {
            id: self.claims.jti,
            license_id: license.id,
            activation_id: Some(self.machine.id),
            ttl_days: self.ttl_days,
            issued_at: self.term.issued,
            expires_at: self.term.expires,
            consumer_key,
            consumer_key_alg,
            machine_key: self.machine_key.as_ref().map(|key| key.to_jwk().to_owned()),
            machine_key_thumbprint: self.machine_key.as_ref().map(|key| key.thumbprint().to_owned()),
            claims: claims::seal(ctx, &self.claims)?,
            content: None,
            kid: None,
            returned_at: None,
        };
        store::insert(tx, vec![file.clone()]).await?;
        let detail = json!({"activation": self.machine.id, "expiresAt": file.expires_at,
                            "encrypted": file.consumer_key.is_some(), "machineKey": file.machine_key_thumbprint});
        let kind = Kind::LicenseFileIssued;
        let event = audit::Event::new(kind.as_str(), &file.id, detail.clone()).of_license(license.id);
        audit::record(tx, moment, caller, event).await?;
        let event = events::Event::new(kind, &file.id, detail).of_license(license);
        events::record(tx, moment, event).await?;
        Ok(file)
    }
}
