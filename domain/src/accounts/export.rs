//! All that is kept about a customer, for himself (GDPR, Articles 15 and 20). What is a secret is not in it: keys are
//! shown one by one, and files are given again.

use licentia_entity::audit_event;
use licentia_types::accounts::{ExportResponse, OwnAction, OwnLetter, OwnLicenseResponse, OwnSession};
use licentia_types::ids::CustomerId;
use licentia_types::license_files::LicenseFileResponse;
use licentia_types::pages::{MOST, PageResponse};
use licentia_types::time::Timestamp;
use serde_json::json;

use super::rules::{expect_recent, export_wait};
use super::{AccountError, me, signed_in, store};
use crate::activation_claims::{self, ActivationClaimFilter};
use crate::activations::{self, ActivationFilter};
use crate::actors::Caller;
use crate::audit;
use crate::context::Context;
use crate::customers::{self, CustomerError};
use crate::database::Lane;
use crate::failure::Failure;
use crate::license_files::{self, LicenseFileError};
use crate::licenses;
use crate::pages::{PageError, PageQuery};
use crate::scope::Scope;

/// Entries of a kind. Beyond it the vendor exports them: an answer is made in memory.
const MOST_OF_A_KIND: usize = 10_000;

/// Gives the caller all that is kept about him, if he signed in a short while ago; once an hour, and written down in the
/// audit log before.
///
/// # Errors
/// When nobody is signed in, or not recently; or it was given lately.
pub async fn export(ctx: &Context, caller: &Caller) -> Result<ExportResponse, AccountError> {
    let (id, _) = signed_in(caller).ok_or(AccountError::NotSignedIn)?;
    let now = ctx.moment().now;
    expect_recent(caller, now)?;
    let before = begin(ctx, caller, id).await?;
    let gathered = Box::pin(gather(ctx, caller, id)).await;
    if gathered.is_err() {
        // What went wrong before counts. Where this fails, too, he waits.
        let _ = take_back(ctx, id, before).await;
    }
    gathered
}

/// He was given nothing.
async fn take_back(ctx: &Context, id: CustomerId, before: Option<Timestamp>) -> Result<(), Failure> {
    let tx = ctx.db.write(Lane::Ordinary).await?;
    store::mark_export(&tx, id, before).await?;
    Ok(tx.commit().await?)
}

/// Notes that he is given it; gives when he was before.
async fn begin(ctx: &Context, caller: &Caller, id: CustomerId) -> Result<Option<Timestamp>, AccountError> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let account = store::find_locked(&tx, id).await?.ok_or(AccountError::NotSignedIn)?;
    if let Some(wait) = export_wait(account.exported_at, moment.now) {
        return Err(AccountError::ExportedLately { wait });
    }
    store::mark_export(&tx, id, Some(moment.now)).await?;
    audit::record(&tx, &moment, caller, audit::Event::new("customer.exported", &id, json!({}))).await?;
    tx.commit().await?;
    Ok(account.exported_at)
}

async fn gather(ctx: &Context, caller: &Caller, id: CustomerId) -> Result<ExportResponse, AccountError> {
    let mut gathered = Gathered { ctx, caller, complete: true };
    let account = me(ctx, caller).await?;
    let customer = customers::get(ctx, Scope::Customer(id), id).await.map_err(|error| match error {
        CustomerError::Failed(failure) => failure,
        _ => Failure::Corrupt("customer"),
    })?;
    let licenses = gathered.licenses().await?;
    let files = gathered.files(&licenses).await?;
    let machines = gathered
        .all(async |query: &PageQuery| {
            activations::list(ctx, Scope::Customer(id), &ActivationFilter::default(), query).await
        })
        .await?;
    let claims = gathered
        .all(async |query: &PageQuery| {
            activation_claims::list(ctx, Scope::Customer(id), &ActivationClaimFilter::default(), query).await
        })
        .await?;
    let actions = gathered.actions(id).await?;
    Ok(ExportResponse {
        exported_at: ctx.moment().now,
        letters: letters(ctx, id).await?,
        sessions: sessions(ctx, id).await?,
        customer,
        complete: gathered.complete,
        account,
        licenses,
        files,
        machines,
        claims,
        actions,
    })
}

struct Gathered<'a> {
    ctx: &'a Context,
    caller: &'a Caller,
    complete: bool,
}

impl Gathered<'_> {
    /// Every entry of a list, the oldest first.
    async fn all<T>(
        &mut self,
        list: impl AsyncFn(&PageQuery) -> Result<PageResponse<T>, PageError>,
    ) -> Result<Vec<T>, Failure> {
        let mut all = Vec::new();
        let sort = Some("createdAt".to_owned());
        let mut query = PageQuery { limit: Some(MOST), sort, ..PageQuery::default() };
        loop {
            let page = list(&query).await.map_err(|error| match error {
                PageError::Failed(failure) => failure,
                PageError::Parameter { .. } => Failure::Corrupt("page"),
            })?;
            all.extend(page.items);
            query.cursor = page.next_cursor;
            if query.cursor.is_none() {
                return Ok(all);
            }
            if all.len() >= MOST_OF_A_KIND {
                self.complete = false;
                return Ok(all);
            }
        }
    }

    async fn licenses(&mut self) -> Result<Vec<OwnLicenseResponse>, Failure> {
        let (ctx, caller) = (self.ctx, self.caller);
        self.all(async |query: &PageQuery| licenses::list_own(ctx, caller, None, query).await).await
    }

    async fn files(&mut self, licenses: &[OwnLicenseResponse]) -> Result<Vec<LicenseFileResponse>, Failure> {
        let (ctx, scope) = (self.ctx, self.caller.actor.scope());
        let mut files = Vec::new();
        for license in licenses {
            let list = async |query: &PageQuery| {
                let page = license_files::list(ctx, scope.clone(), license.id, query).await;
                page.map_err(|error| match error {
                    LicenseFileError::Failed(failure) => PageError::Failed(failure),
                    // It went to somebody else meanwhile.
                    _ => PageError::Failed(Failure::Contended),
                })
            };
            files.extend(self.all(list).await?);
        }
        Ok(files)
    }

    /// What he did, and what was done about him by others: not who they are.
    async fn actions(&mut self, id: CustomerId) -> Result<Vec<OwnAction>, Failure> {
        let most = u64::try_from(MOST_OF_A_KIND).unwrap_or(u64::MAX);
        let (by_him, about_him) = audit::of_customer(&self.ctx.db, id, most).await?;
        self.complete &= by_him.len().max(about_him.len()) < MOST_OF_A_KIND;
        let events = by_him.into_iter().chain(about_him);
        let mut actions: Vec<OwnAction> = events.map(|event| action(event, id)).collect();
        actions.sort_by_key(|action| (action.at, action.id));
        actions.dedup_by_key(|action| action.id);
        Ok(actions)
    }
}

fn action(event: audit_event::Model, id: CustomerId) -> OwnAction {
    let own = event.actor_id == Some(id.to_string());
    OwnAction {
        id: event.id,
        at: event.at,
        action: event.action,
        subject: event.subject,
        own,
        ip: event.ip.filter(|_| own),
    }
}

async fn sessions(ctx: &Context, id: CustomerId) -> Result<Vec<OwnSession>, Failure> {
    let sessions = store::sessions(&ctx.db, id).await?.into_iter();
    let shown = sessions.map(|session| OwnSession {
        id: session.id,
        created_at: session.created_at,
        refreshed_at: session.refreshed_at,
        ip: session.ip,
        user_agent: session.user_agent,
    });
    Ok(shown.collect())
}

async fn letters(ctx: &Context, id: CustomerId) -> Result<Vec<OwnLetter>, Failure> {
    let letters = store::letters(&ctx.db, id).await?.into_iter();
    let shown = letters.map(|letter| OwnLetter {
        template: letter.template,
        to: letter.recipient,
        created_at: letter.created_at,
        sent_at: letter.sent_at,
    });
    Ok(shown.collect())
}
