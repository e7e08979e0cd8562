//! Issuing licences, one or many, with customers made on the way where they are described. All of
//! them stand or fall together.

use std::collections::HashMap;

use licentia_crypto::license_keys::LicenseKey;
use licentia_entity::license;
use licentia_types::ids::{LicenseFileId, LicenseId};
use licentia_types::license_files::LicenseFileResponse;
use licentia_types::licenses::{
    BulkIssueRequest, BulkIssuedResponse, IssueLicenseRequest, IssuedLicenseResponse, MOST_ISSUED_AT_ONCE,
};
use licentia_types::tokens::ClaimSet;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::LicenseError;
use super::owners::{self, Named};
use super::view;
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::license_files::{self, Recorded};
use crate::{audit, events, once};

use desk::Desk;

pub(crate) mod desk;
pub(crate) mod taken;

/// Rows of one statement: below what a statement of SQLite may bind.
const ROWS: usize = 500;

/// A licence that is to be written, and its key.
struct Draft {
    license: license::Model,
    key: LicenseKey,
    /// Not one of ours.
    chosen: bool,
    /// What a record of it says, where one is asked for.
    document: Option<ClaimSet>,
}

/// Issues a licence. The key is in the answer, and in no later one.
///
/// # Errors
/// When anything that it names is unknown or archived, or it contradicts itself.
pub async fn issue(
    ctx: &Context,
    caller: &Caller,
    command: IssueLicenseRequest,
) -> Result<IssuedLicenseResponse, LicenseError> {
    let issued = issue_all(ctx, caller, vec![command]).await.map_err(LicenseError::alone)?;
    Ok(issued.into_iter().next().ok_or(Failure::Corrupt("licence"))?)
}

/// Issues up to 1,000 licences, or none. Those that come first count as issued first.
///
/// # Errors
/// When one of them cannot be issued, or there are too many.
pub async fn issue_bulk(
    ctx: &Context,
    caller: &Caller,
    command: BulkIssueRequest,
) -> Result<BulkIssuedResponse, LicenseError> {
    if !(1..=MOST_ISSUED_AT_ONCE).contains(&command.licenses.len()) {
        return Err(LicenseError::BulkSize);
    }
    Ok(BulkIssuedResponse { licenses: issue_all(ctx, caller, command.licenses).await? })
}

async fn issue_all(
    ctx: &Context,
    caller: &Caller,
    mut commands: Vec<IssueLicenseRequest>,
) -> Result<Vec<IssuedLicenseResponse>, LicenseError> {
    if let Some(issued) = once::answered(caller)? {
        return with_documents(ctx, issued).await;
    }
    let moment = ctx.moment();
    if commands.iter().any(|command| command.document) {
        // Before anything is issued: whether anything can be signed.
        ctx.document_key(moment.now).await?;
    }
    let tx = once::begin(ctx, caller).await?;
    let desk = Desk::open(ctx, &tx, moment, commands.iter().map(|command| command.product_id)).await?;
    let named = commands.iter_mut().map(|command| Named {
        customer_id: command.customer_id,
        customer: command.customer.take(),
        group_id: command.group_id,
    });
    let owners = owners::settle(&tx, &moment, caller, named.collect()).await?;
    let mut drafts = Vec::with_capacity(commands.len());
    for (index, ((command, owner), id)) in
        commands.into_iter().zip(owners).zip(ids(&moment, drafts.capacity())?).enumerate()
    {
        drafts.push(desk.draft(id, owner, command).map_err(|error| error.at(index))?);
    }
    if let Err(error) = insert(&tx, &drafts).await {
        drop(tx);
        return Err(taken::locate(&ctx.db, &drafts, error).await?);
    }
    taken::expect_never_given(ctx, &tx, &drafts).await?;
    let licenses = record(&tx, &moment, caller, &drafts).await?;
    let recorded = drafts.iter_mut().filter_map(|draft| {
        let claim_set = draft.document.take()?;
        Some(Recorded { license: &draft.license, claim_set })
    });
    let files = license_files::file_records(ctx, &tx, &moment, caller, recorded.collect()).await?;
    // Before the commit: once a licence is there, nothing may keep its key from being shown.
    let shown = view::render_all(ctx, &tx, licenses, moment.now).await?;
    let issued = shown.into_iter().zip(drafts).map(|(license, draft)| {
        let license_key = draft.key.canonical().to_owned();
        IssuedLicenseResponse { license, license_key, document: None, signing_key_id: None }
    });
    let issued = Issued { licenses: issued.collect(), documents: files.iter().map(|file| file.id).collect() };
    once::commit(ctx, &moment, caller, tx, &issued).await?;
    Ok(issued.signed(license_files::sign_records(ctx, files).await))
}

/// What was issued, before its records are signed.
#[derive(Serialize, Deserialize)]
struct Issued {
    licenses: Vec<IssuedLicenseResponse>,
    documents: Vec<LicenseFileId>,
}

impl Issued {
    fn signed(self, mut documents: HashMap<LicenseId, LicenseFileResponse>) -> Vec<IssuedLicenseResponse> {
        let with_document = |issued: IssuedLicenseResponse| {
            let document = documents.remove(&issued.license.id);
            let signing_key_id = document.as_ref().and_then(|document| document.signing_key_id.clone());
            IssuedLicenseResponse { document, signing_key_id, ..issued }
        };
        self.licenses.into_iter().map(with_document).collect()
    }
}

/// What was issued before, with its records as they are.
async fn with_documents(ctx: &Context, issued: Issued) -> Result<Vec<IssuedLicenseResponse>, LicenseError> {
    let files = license_files::find_all(ctx, &issued.documents).await?;
    Ok(issued.signed(license_files::sign_records(ctx, files).await))
}

/// Ids of one instant in their order: of two licences, the one that was asked for first counts as
/// the earlier one.
pub(crate) fn ids(moment: &Moment<'_>, count: usize) -> Result<Vec<LicenseId>, Failure> {
    let mut ids =
        (0..count).map(|_| Ok(LicenseId::new(moment.new_uuid()?))).collect::<Result<Vec<_>, Failure>>()?;
    ids.sort_unstable();
    Ok(ids)
}

async fn insert(tx: &WriteTx, drafts: &[Draft]) -> Result<(), sea_orm::DbErr> {
    for some in drafts.chunks(ROWS) {
        let rows = some.iter().map(|draft| draft.license.clone().into_active_model().reset_all());
        license::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

async fn record(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    drafts: &[Draft],
) -> Result<Vec<license::Model>, LicenseError> {
    let licenses: Vec<license::Model> = drafts.iter().map(|draft| draft.license.clone()).collect();
    let detail = |license: &license::Model| {
        json!({"product": license.product_id, "tier": license.tier_id, "customer": license.customer_id,
               "expiresAt": license.expires_at, "trial": license.trial})
    };
    let written = licenses.iter().map(|license| {
        audit::Event::new("license.issued", &license.id, detail(license)).of_license(license.id)
    });
    audit::record_all(tx, moment, caller, written.collect()).await?;
    let told = licenses.iter().map(|license| {
        events::Event::new(events::Kind::LicenseIssued, &license.id, detail(license)).of_license(license)
    });
    events::record_all(tx, moment, told.collect()).await?;
    Ok(licenses)
}
