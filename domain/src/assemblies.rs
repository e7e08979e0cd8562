//! The allow-list of assemblies: the builds that the vendor made, for every licence or for one.
//!
//! A machine that tells which builds it runs is let in only when each of them is approved. What was
//! approved once stays until it is withdrawn; then it counts no more, neither for those who come nor for
//! those who came with it, and nothing of it is forgotten.

use std::collections::{HashMap, HashSet};

use licentia_entity::{assembly_approval, license};
use licentia_types::assemblies::{
    ApproveAssembliesRequest, ApproveAssembliesResponse, Assembly, AssemblyApprovalResponse,
};
use licentia_types::ids::{AssemblyApprovalId, LicenseId};
use licentia_types::pages::PageResponse;
use sea_orm::QuerySelect;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::events::{self, Kind};
use crate::failure::Failure;
use crate::pages::{PageError, PageQuery};
use crate::scope::Scope;
use crate::{audit, licenses, once};

pub(crate) use doubt::doubted;
pub use error::AssemblyError;
pub(crate) use manifests::{forget_unnamed, keep, unapproved, unnamed};
pub use store::ApprovalFilter;

mod doubt;
mod error;
mod manifests;
mod rules;
mod store;

/// Builds that were approved.
#[derive(Debug, Serialize, Deserialize)]
pub struct Approved {
    /// The answer.
    pub response: ApproveAssembliesResponse,
    /// Whether any of them was not approved before.
    pub created: bool,
}

/// Approves builds: all of them, or none. One that is approved already stays as it was. Approved for all, they
/// are good again for machines that told them before.
///
/// # Errors
/// When there is no such licence for the caller.
pub async fn approve(
    ctx: &Context,
    caller: &Caller,
    request: ApproveAssembliesRequest,
) -> Result<Approved, AssemblyError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let tx = once::begin(ctx, caller).await?;
    let license = match request.license_id {
        None if !caller.actor.is_unbounded() => return Err(AssemblyError::ForAll),
        None => None,
        Some(id) => Some(licenses::store::find(&tx, caller.actor.scope(), id).await?),
    };
    let license = license.map(|found| found.ok_or(AssemblyError::LicenseUnknown)).transpose()?;
    let drafts = drafts(&moment, caller, &request)?;
    store::insert(&tx, drafts.clone()).await?;
    let digests = request.assemblies.iter().map(|assembly| assembly.sha256.clone());
    let standing = store::standing(&tx, request.license_id, digests).await?;
    if license.is_none() {
        doubt::trust(&tx, &standing).await?;
    }
    let drafted: HashSet<_> = drafts.iter().map(|draft| draft.id).collect();
    let fresh: Vec<_> = standing.iter().filter(|approval| drafted.contains(&approval.id)).collect();
    let created = !fresh.is_empty();
    tell(&tx, &moment, caller, (Kind::AssemblyApproved, &fresh, license.as_ref())).await?;
    let by_build: HashMap<_, _> =
        standing.into_iter().map(|approval| (rules::build(&approval), approval)).collect();
    // None: withdrawn at this instant.
    let of = |assembly| by_build.get(assembly).cloned().map(render).ok_or(Failure::Contended);
    let items = request.assemblies.iter().map(of).collect::<Result<_, _>>()?;
    let approved = Approved { response: ApproveAssembliesResponse { items }, created };
    once::commit(ctx, &moment, caller, tx, &approved).await?;
    Ok(approved)
}

fn drafts(
    moment: &Moment<'_>,
    caller: &Caller,
    request: &ApproveAssembliesRequest,
) -> Result<Vec<assembly_approval::Model>, Failure> {
    let mut assemblies: Vec<&Assembly> = request.assemblies.iter().collect();
    // In one order, or two who approve the same would wait for each other.
    assemblies.sort_unstable();
    assemblies.dedup();
    let draft = |assembly: &Assembly| {
        Ok(assembly_approval::Model {
            id: AssemblyApprovalId::new(moment.new_uuid()?),
            license_id: request.license_id,
            assembly_name: assembly.assembly_name.clone(),
            version: assembly.version.clone(),
            sha256: assembly.sha256.clone(),
            public_key_token: assembly.public_key_token.clone(),
            source: request.source,
            note: request.note.clone(),
            approved_by: caller.actor.name(),
            created_at: moment.now,
            withdrawn_at: None,
        })
    };
    assemblies.into_iter().map(draft).collect()
}

/// A page of approvals.
///
/// # Errors
/// When a parameter is wrong.
pub async fn list(
    ctx: &Context,
    scope: Scope,
    filter: &ApprovalFilter,
    query: &PageQuery,
) -> Result<PageResponse<AssemblyApprovalResponse>, PageError> {
    Ok(store::list(&ctx.db, scope, filter, query).await?.map(render))
}

/// Withdraws an approval: from now on nobody activates with this build by it, and whoever did is not valid
/// any more unless another approval stands for it. Doing it again changes nothing.
///
/// # Errors
/// When there is no such approval for the caller.
pub async fn withdraw(ctx: &Context, caller: &Caller, id: AssemblyApprovalId) -> Result<(), AssemblyError> {
    let moment = ctx.moment();
    let scope = caller.actor.scope();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let approval = store::find_locked(&tx, scope.clone(), id).await?.ok_or(AssemblyError::NotFound)?;
    if approval.withdrawn_at.is_some() {
        return Ok(());
    }
    let license = match approval.license_id {
        None => None,
        Some(license) => licenses::store::find(&tx, scope, license).await?,
    };
    store::withdraw(&tx, id, moment.now).await?;
    doubt::doubt(&tx, &approval, moment.now).await?;
    tell(&tx, &moment, caller, (Kind::AssemblyWithdrawn, &[&approval], license.as_ref())).await?;
    tx.commit().await?;
    Ok(())
}

/// Writes it into the audit log, and tells others: by the same name, with the same detail.
async fn tell(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    (kind, approvals, license): (Kind, &[&assembly_approval::Model], Option<&license::Model>),
) -> Result<(), Failure> {
    if approvals.is_empty() {
        return Ok(());
    }
    let detail = |approval: &assembly_approval::Model| {
        json!({"assemblyName": approval.assembly_name, "version": approval.version, "sha256": approval.sha256,
               "publicKeyToken": approval.public_key_token, "source": approval.source})
    };
    let noted = approvals.iter().map(|approval| audit::Event {
        license: approval.license_id,
        ..audit::Event::new(kind.as_str(), &approval.id, detail(approval))
    });
    audit::record_all(tx, moment, caller, noted.collect()).await?;
    let told = approvals.iter().map(|approval| {
        let event = events::Event::new(kind, &approval.id, detail(approval));
        match license {
            None => event,
            Some(license) => event.of_license(license),
        }
    });
    events::record_all(tx, moment, told.collect()).await
}

/// The builds that a machine of this licence tells, as they were approved; they stay approved until the
/// transaction ends. Otherwise the first one that is approved neither for all nor for this licence, and its
/// place among them.
pub(crate) async fn approved<'a>(
    tx: &WriteTx,
    license: LicenseId,
    told: &'a [Assembly],
) -> Result<Result<Vec<Assembly>, (usize, &'a Assembly)>, Failure> {
    let digests = told.iter().map(|assembly| assembly.sha256.clone());
    let approvals = store::standing_for(license, digests).lock_shared().all(tx).await?;
    Ok(rules::approved(told, &approvals))
}

fn render(approval: assembly_approval::Model) -> AssemblyApprovalResponse {
    AssemblyApprovalResponse {
        id: approval.id,
        license_id: approval.license_id,
        assembly_name: approval.assembly_name,
        version: approval.version,
        sha256: approval.sha256,
        public_key_token: approval.public_key_token,
        source: approval.source,
        note: approval.note,
        approved_by: approval.approved_by,
        created_at: approval.created_at,
        withdrawn_at: approval.withdrawn_at,
    }
}
