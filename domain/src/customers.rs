//! Customers: who owns licences.

use std::collections::HashMap;

use licentia_entity::{customer, customer_account};
use licentia_types::customers::{
    CreateCustomerRequest, CustomerAccountResponse, CustomerResponse, UpdateCustomerRequest,
};
use licentia_types::ids::{CustomerId, GroupId};
use licentia_types::pages::PageResponse;
use licentia_types::problems::{FieldProblem, ProblemCode};
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::{Value, json};

use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::{Constraint, Lane, WriteTx, violates};
use crate::failure::{Failure, failed_from};
use crate::groups::{self, Placing, Unplaced};
use crate::pages::{PageError, PageQuery};
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::{accounts, audit, licenses, once};

pub use standing::{disable_account, enable_account};
pub use store::CustomerFilter;
pub(crate) use together::{NotMade, Owner, find_or_insert, insert_all};

mod addresses;
mod standing;
pub(crate) mod store;
mod together;

const EXTERNAL_ID_TAKEN: Constraint =
    Constraint { name: "customer_external_id", columns: "customer.external_id" };

/// Why an operation on a customer was refused.
#[derive(Debug, thiserror::Error)]
pub enum CustomerError {
    /// No such customer, or none that the caller may know of.
    #[error("there is no such customer")]
    NotFound,
    /// Nothing to call the customer by.
    #[error("one of externalId, name, organization and email must be there")]
    Nameless,
    /// Another customer has the external id.
    #[error("a customer with this externalId exists")]
    ExternalIdTaken,
    /// It cannot be put there.
    #[error(transparent)]
    Group(#[from] Unplaced),
    /// The caller is not trusted with keys, and the address leads to them.
    #[error(
        "this customer has licences or an account, which whoever has his address comes to: changing it needs the \
         permission licenses.reveal as well"
    )]
    AddressLeads,
    /// He never registered.
    #[error("this customer has no account")]
    NoAccount,
    /// Somebody else edited it.
    #[error("the customer was changed in the meantime; its version is {current}")]
    Stale {
        /// The present version.
        current: i64,
    },
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(CustomerError);

impl Refusal for CustomerError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound => ProblemCode::NotFound,
            Self::Nameless | Self::Group(_) => ProblemCode::ValidationFailed,
            Self::ExternalIdTaken => ProblemCode::AlreadyExists,
            Self::AddressLeads => ProblemCode::PermissionDenied,
            Self::NoAccount => ProblemCode::StateConflict,
            Self::Stale { .. } => ProblemCode::VersionStale,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::Nameless => vec![FieldProblem::new("/name", "REQUIRED", self.to_string())],
            Self::ExternalIdTaken => vec![FieldProblem::new("/externalId", "TAKEN", self.to_string())],
            Self::Group(unplaced) => vec![unplaced.field("/groupId")],
            Self::NotFound | Self::AddressLeads | Self::NoAccount | Self::Stale { .. } | Self::Failed(_) => {
                Vec::new()
            }
        }
    }
}

/// A customer as the API shows it, with what he signs in with.
pub(crate) fn render(
    customer: customer::Model,
    account: Option<customer_account::Model>,
) -> CustomerResponse {
    CustomerResponse {
        id: customer.id,
        external_id: customer.external_id,
        name: customer.name,
        organization: customer.organization,
        email: customer.email,
        notes: customer.notes,
        metadata: customer.metadata,
        group_id: customer.group_id,
        account: account.map(|account| CustomerAccountResponse {
            email: account.email,
            has_password: account.password_hash.is_some(),
            confirmed_at: account.confirmed_at,
            last_login_at: account.last_login_at,
            disabled_at: account.disabled_at,
        }),
        created_at: customer.created_at,
        updated_at: customer.updated_at,
        version: customer.version,
    }
}

/// A page of customers.
///
/// # Errors
/// When a parameter is wrong.
pub async fn list(
    ctx: &Context,
    scope: Scope,
    filter: CustomerFilter,
    query: &PageQuery,
) -> Result<PageResponse<CustomerResponse>, PageError> {
    let page = store::list(&ctx.db, scope, filter, query).await?;
    let found = accounts::store::find_all(&ctx.db, page.items.iter().map(|customer| customer.id)).await?;
    let mut accounts: HashMap<CustomerId, customer_account::Model> =
        found.into_iter().map(|account| (account.customer_id, account)).collect();
    Ok(page.map(|customer| {
        let account = accounts.remove(&customer.id);
        render(customer, account)
    }))
}

/// One customer.
///
/// # Errors
/// When there is none in `scope`.
pub async fn get(ctx: &Context, scope: Scope, id: CustomerId) -> Result<CustomerResponse, CustomerError> {
    let customer = store::find(&ctx.db, scope, id).await?.ok_or(CustomerError::NotFound)?;
    let account = accounts::store::find(&ctx.db, id).await?;
    Ok(render(customer, account))
}

/// Makes a customer.
///
/// # Errors
/// When it has no name at all, its external id is taken, or it cannot be put there.
pub async fn create(
    ctx: &Context,
    caller: &Caller,
    command: CreateCustomerRequest,
) -> Result<CustomerResponse, CustomerError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let tx = once::begin(ctx, caller).await?;
    let shown = render(insert(&tx, &moment, caller, command).await?, None);
    once::commit(ctx, &moment, caller, tx, &shown).await?;
    Ok(shown)
}

/// Makes a customer as a part of something larger.
pub(crate) async fn insert(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    command: CreateCustomerRequest,
) -> Result<customer::Model, CustomerError> {
    let placing = Placing::of(tx, &caller.actor, command.group_id).await?;
    let group = placing.place(command.group_id)?;
    let customer = new(moment, command, group)?;
    expect_name(&customer)?;
    let customer = customer.into_active_model().reset_all().insert(tx).await.map_err(external_id_taken)?;
    audit::record(tx, moment, caller, created(&customer)).await?;
    Ok(customer)
}

/// Whether there is anything to call the customer by.
pub(crate) fn is_named(command: &CreateCustomerRequest) -> bool {
    command.external_id.is_some()
        || command.name.is_some()
        || command.organization.is_some()
        || command.email.is_some()
}

fn new(
    moment: &Moment<'_>,
    command: CreateCustomerRequest,
    group_id: Option<GroupId>,
) -> Result<customer::Model, Failure> {
    Ok(customer::Model {
        id: CustomerId::new(moment.new_uuid()?),
        external_id: command.external_id,
        name: command.name,
        organization: command.organization,
        email: command.email,
        notes: command.notes,
        metadata: command.metadata,
        group_id,
        created_at: moment.now,
        updated_at: moment.now,
        version: 1,
    })
}

fn created(customer: &customer::Model) -> audit::Event {
    let detail = json!({"externalId": customer.external_id, "group": customer.group_id});
    audit::Event::new("customer.created", &customer.id, detail).in_group(customer.group_id)
}

/// Edits a customer. Where it goes into another group, its licences go along.
///
/// # Errors
/// When there is none, `expected` is not its version, it would have no name at all, cannot be put there, or its address is
/// not the caller's to change.
pub async fn update(
    ctx: &Context,
    caller: &Caller,
    id: CustomerId,
    expected: Option<i64>,
    command: UpdateCustomerRequest,
) -> Result<CustomerResponse, CustomerError> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let before = store::find_locked(&tx, caller.actor.scope(), id).await?.ok_or(CustomerError::NotFound)?;
    if expected.is_some_and(|version| version != before.version) {
        return Err(CustomerError::Stale { current: before.version });
    }
    let placing = Placing::of(&tx, &caller.actor, groups::named(&command.group_id)).await?;
    let (former_group, former_email) = (before.group_id, before.email.clone());
    let email = command.email.apply(before.email.clone());
    addresses::expect_may_change(&tx, caller, &before, email.as_ref()).await?;
    let customer = customer::Model {
        group_id: placing.moved(former_group, command.group_id)?,
        external_id: command.external_id.apply(before.external_id),
        name: command.name.apply(before.name),
        organization: command.organization.apply(before.organization),
        email,
        notes: command.notes.apply(before.notes),
        metadata: command.metadata.unwrap_or(before.metadata),
        updated_at: moment.now,
        version: before.version + 1,
        ..before
    };
    expect_name(&customer)?;
    let customer = customer.into_active_model().reset_all().update(&tx).await.map_err(external_id_taken)?;
    let moves = customer.group_id != former_group;
    if moves {
        licenses::store::regroup(&tx, id, customer.group_id, moment.now).await?;
    }
    let readdressed = |detail: Value| addresses::told(detail, former_email.as_ref(), customer.email.as_ref());
    let event = if moves {
        let detail =
            json!({"version": customer.version, "groupBefore": former_group, "group": customer.group_id});
        // It concerns both groups, and is told in neither.
        audit::Event::new("customer.updated", &id, readdressed(detail))
    } else {
        let detail = json!({"version": customer.version});
        audit::Event::new("customer.updated", &id, readdressed(detail)).in_group(customer.group_id)
    };
    audit::record(&tx, &moment, caller, event).await?;
    let account = accounts::store::find(&tx, id).await?;
    tx.commit().await?;
    Ok(render(customer, account))
}

fn expect_name(customer: &customer::Model) -> Result<(), CustomerError> {
    let named = customer.external_id.is_some()
        || customer.name.is_some()
        || customer.organization.is_some()
        || customer.email.is_some();
    if named { Ok(()) } else { Err(CustomerError::Nameless) }
}

fn external_id_taken(error: sea_orm::DbErr) -> CustomerError {
    if violates(&error, EXTERNAL_ID_TAKEN) { CustomerError::ExternalIdTaken } else { error.into() }
}
