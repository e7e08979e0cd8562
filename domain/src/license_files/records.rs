//! Records: files that tell what was issued to whom, in the answer to the issue. No machine may run on
//! one, and it takes no seat.

use std::collections::HashMap;

use licentia_entity::{license, license_file};
use licentia_types::ids::{LicenseFileId, LicenseId};
use licentia_types::license_files::{LicenseFileResponse, MOST_DAYS};
use licentia_types::system_events::SystemEventLevel;
use licentia_types::tokens::ClaimSet;
use serde_json::json;

use super::claims::{self, Term};
use super::{days, delivery, store};
use crate::actors::Caller;
use crate::audit;
use crate::context::{Context, Moment};
use crate::customers;
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::scope::Scope;
use crate::system_events::{self, SystemEvent};

/// A licence that is issued with a record of it.
pub(crate) struct Recorded<'a> {
    pub(crate) license: &'a license::Model,
    /// What its tokens would say of it.
    pub(crate) claim_set: ClaimSet,
}

/// Files the records, in the transaction of the issue.
pub(crate) async fn file(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    recorded: Vec<Recorded<'_>>,
) -> Result<Vec<license_file::Model>, Failure> {
    if recorded.is_empty() {
        return Ok(Vec::new());
    }
    let mut owners: Vec<_> = recorded.iter().filter_map(|recorded| recorded.license.customer_id).collect();
    owners.sort_unstable();
    owners.dedup();
    let mut licensees = HashMap::new();
    for some in owners.chunks(500) {
        // Whoever may issue a licence may tell its owner.
        let found = customers::store::find_all(tx, Scope::Everything, some.iter().copied()).await?;
        licensees.extend(found.iter().map(|owner| (owner.id, claims::licensee(owner))));
    }
    let mut files = Vec::with_capacity(recorded.len());
    for Recorded { license, claim_set } in recorded {
        // Nothing has ended that is issued now.
        let Some(term) = Term::of(moment.now, MOST_DAYS, license.expires_at) else { continue };
        let id = LicenseFileId::new(moment.new_uuid()?);
        let licensee = license.customer_id.and_then(|owner| licensees.get(&owner).cloned());
        files.push(license_file::Model {
            id,
            license_id: license.id,
            activation_id: None,
            ttl_days: days(MOST_DAYS)?,
            issued_at: term.issued,
            expires_at: term.expires,
            consumer_key: None,
            consumer_key_alg: None,
            machine_key: None,
            machine_key_thumbprint: None,
            claims: claims::seal(ctx, &claims::record(ctx, id, claim_set, term, licensee))?,
            content: None,
            kid: None,
            returned_at: None,
        });
    }
    store::insert(tx, files.clone()).await?;
    let written = files.iter().map(|file| {
        let detail = json!({"expiresAt": file.expires_at});
        audit::Event::new("license_file.issued", &file.id, detail).of_license(file.license_id)
    });
    audit::record_all(tx, moment, caller, written.collect()).await?;
    Ok(files)
}

/// Signs records, after the commit. The licences are there by now, and nothing keeps their keys from being
/// shown: a record that cannot be signed is left out, and is signed when it is fetched.
pub(crate) async fn sign(
    ctx: &Context,
    files: Vec<license_file::Model>,
) -> HashMap<LicenseId, LicenseFileResponse> {
    match Box::pin(delivery::deliver_all(ctx, files)).await {
        Ok(signed) => signed.into_iter().map(|file| (file.license_id, file)).collect(),
        Err(failure) => {
            let event = SystemEvent {
                level: SystemEventLevel::Warning,
                source: "license_files",
                message: "records of licences could not be signed; they will be when they are fetched"
                    .to_owned(),
                detail: json!({"cause": failure.to_string()}),
                request_id: None,
            };
            system_events::record(ctx, event).await;
            HashMap::new()
        }
    }
}
