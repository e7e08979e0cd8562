//! Files that were given back: the machine signed that it runs on them no more.

use licentia_crypto::armour::unarmour;
use licentia_crypto::machine_keys::{MachineDocument, MachineDocumentError, MachineKey};
use licentia_entity::{activation, license_file};
use licentia_types::activations::{ActivationResponse, ActivationStatus};
use licentia_types::license_files::{
    RECEIPT_LABEL, RECEIPT_TYP, ReceiptClaims, ReceiptRequest, receipt_audience,
};
use licentia_types::time::Timestamp;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::json;

use super::error::LicenseFileError;
use super::store;
use crate::activations::seats::Seats;
use crate::activations::{self, Told};
use crate::actors::{Actor, Caller};
use crate::context::Context;
use crate::database::Lane;
use crate::events::Kind;
use crate::failure::Failure;
use crate::licenses::{self, terms};
use crate::{catalog, products};

/// Most files that a receipt names.
const MOST: usize = 32;

/// Deactivates the machine that signed the receipt, and frees its seat, unless a file of it is out still
/// that the receipt does not name. The same receipt again changes nothing; it names files, so that it says
/// nothing of those that were issued since.
///
/// # Errors
/// When it is no receipt, or was not signed with the key that these files were asked for with.
pub async fn take_receipt(
    ctx: &Context,
    caller: &Caller,
    request: ReceiptRequest,
) -> Result<ActivationResponse, LicenseFileError> {
    let moment = ctx.moment();
    let Receipt { files, audience } = Receipt::read(ctx, request.receipt.expose()).await?;
    let first = files.first().ok_or(LicenseFileError::ReceiptUnknown)?;
    let (id, license_id) = (first.activation_id.ok_or(Failure::Corrupt("licence file"))?, first.license_id);
    let caller = &caller.acting_as(Actor::Machine(license_id));

    let tx = ctx.db.write(Lane::Ordinary).await?;
    let license = licenses::store::find_locked(&tx, caller.actor.scope(), license_id).await?;
    let license = license.ok_or(Failure::Corrupt("licence"))?;
    let product = products::store::get(&tx, license.product_id).await?;
    if audience != receipt_audience(product.slug.as_str()) {
        return Err(LicenseFileError::ReceiptInvalid("it was made for another product".to_owned()));
    }
    let catalogue = catalog::load(&tx, product.id).await?;
    let entitlements = terms::entitlements(ctx, &catalogue, &license)?;
    let mut seats = Seats::of(&tx, moment, license, entitlements.limits).await?;
    let mut machine = activations::store::hold(&tx, id).await?.ok_or(Failure::Corrupt("activation"))?;
    let live = store::live(&tx, id, moment.now).await?;
    let (returned, out): (Vec<_>, Vec<_>) =
        live.into_iter().partition(|live| files.iter().any(|file| file.id == live.id));
    if returned.is_empty() {
        return Ok(activations::render(machine, moment.now));
    }
    store::give_back(&tx, returned.iter().map(|file| file.id), moment.now).await?;
    give_up(&mut machine, &mut seats, &out, &entitlements.free_environments, moment.now).await?;
    machine.updated_at = moment.now;
    machine.version += 1;
    let machine = machine.into_active_model().reset_all().update(&tx).await?;
    let returned: Vec<_> = returned.iter().map(|file| file.id).collect();
    let detail = json!({"seatFreesAt": machine.seat_frees_at, "returnedFiles": returned});
    let told = Told { kind: Kind::ActivationDeactivated, machine: id, license: seats.license(), detail };
    activations::tell(&tx, &moment, caller, told).await?;
    tx.commit().await?;
    Ok(activations::render(machine, moment.now))
}

/// The machine is deactivated, and its place is free as soon as nothing that it has is good any more; the
/// budget of releases holds here too, or one seat would serve any number of machines that sign receipts and
/// run on.
async fn give_up(
    machine: &mut activation::Model,
    seats: &mut Seats<'_>,
    out: &[license_file::Model],
    free: &activations::seats::FreePlaces,
    now: Timestamp,
) -> Result<(), Failure> {
    let former_end = machine.token_exp.max(machine.offline_until.unwrap_or(machine.token_exp));
    machine.offline_until = out.iter().map(|file| file.expires_at).max();
    match machine.status {
        ActivationStatus::Active | ActivationStatus::Lapsed => machine.status = ActivationStatus::Deactivated,
        // It waits for the file's end no longer.
        ActivationStatus::Deactivated | ActivationStatus::Revoked => machine.seat_frees_at = None,
    }
    let of_use_until = machine.grace_until.map_or(former_end, |until| until.max(former_end));
    seats.release(machine, free, of_use_until.max(now)).await
}

/// A receipt whose signature holds, and the files that it names.
struct Receipt {
    files: Vec<license_file::Model>,
    audience: String,
}

impl Receipt {
    async fn read(ctx: &Context, text: &str) -> Result<Self, LicenseFileError> {
        let invalid = |why: &dyn std::fmt::Display| LicenseFileError::ReceiptInvalid(why.to_string());
        let compact = unarmour(RECEIPT_LABEL, text).map_err(|error| invalid(&error))?;
        let document = MachineDocument::parse(&compact, RECEIPT_TYP).map_err(|error| invalid(&error))?;
        let thumbprint = document.key_name().ok_or_else(|| invalid(&MachineDocumentError::Malformed))?;
        let asked = store::any_asked_for_with(&ctx.db, thumbprint).await?;
        let jwk = asked.and_then(|file| file.machine_key).ok_or(LicenseFileError::ReceiptUnknown)?;
        let key = MachineKey::parse(&jwk).map_err(|_| Failure::Corrupt("machine key"))?;
        let claims = document.claims(&key).map_err(|error| invalid(&error))?;
        let claims: ReceiptClaims = serde_json::from_slice(claims).map_err(|error| invalid(&error))?;
        if claims.files.len() > MOST {
            return Err(invalid(&"it names more than 32 files"));
        }
        let files = store::asked_for_with(&ctx.db, thumbprint, &claims.files).await?;
        let machine = files.first().and_then(|file| file.activation_id);
        if files.iter().any(|file| file.activation_id != machine) {
            return Err(invalid(&"it names files of several machines"));
        }
        Ok(Self { files, audience: claims.aud })
    }
}
