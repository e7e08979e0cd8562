//! Customers: who owns licences.

use std::collections::{BTreeMap, HashMap, HashSet};

use licentia_entity::customer;
use licentia_types::customers::{CreateCustomerRequest, CustomerResponse, UpdateCustomerRequest};
use licentia_types::ids::CustomerId;
use licentia_types::pages::PageResponse;
use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::text::Reference;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde_json::json;

use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::{Constraint, Lane, WriteTx, violates};
use crate::failure::{Failure, failed_from};
use crate::pages::{PageError, PageQuery};
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::{audit, once};

pub(crate) mod store;

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
            Self::Nameless => ProblemCode::ValidationFailed,
            Self::ExternalIdTaken => ProblemCode::AlreadyExists,
            Self::Stale { .. } => ProblemCode::VersionStale,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::Nameless => vec![FieldProblem::new("/name", "REQUIRED", self.to_string())],
            Self::ExternalIdTaken => vec![FieldProblem::new("/externalId", "TAKEN", self.to_string())],
            Self::NotFound | Self::Stale { .. } | Self::Failed(_) => Vec::new(),
        }
    }
}

/// A customer as the API shows it.
#[must_use]
pub fn render(customer: customer::Model) -> CustomerResponse {
    CustomerResponse {
        id: customer.id,
        external_id: customer.external_id,
        name: customer.name,
        organization: customer.organization,
        email: customer.email,
        notes: customer.notes,
        metadata: customer.metadata,
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
    query: &PageQuery,
) -> Result<PageResponse<CustomerResponse>, PageError> {
    Ok(store::list(&ctx.db, scope, query).await?.map(render))
}

/// One customer.
///
/// # Errors
/// When there is none in `scope`.
pub async fn get(ctx: &Context, scope: Scope, id: CustomerId) -> Result<CustomerResponse, CustomerError> {
    store::find(&ctx.db, scope, id).await?.map(render).ok_or(CustomerError::NotFound)
}

/// Makes a customer.
///
/// # Errors
/// When it has no name at all, or its external id is taken.
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
    let shown = render(insert(&tx, &moment, caller, command).await?);
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
    let customer = new(moment, command)?;
    expect_name(&customer)?;
    let customer = customer.into_active_model().reset_all().insert(tx).await.map_err(external_id_taken)?;
    audit::record(tx, moment, caller, created(&customer)).await?;
    Ok(customer)
}

/// The customers that are known by these external ids, up to a thousand; whoever is not there yet
/// is made as described. Three statements, however many.
///
/// They are written in the order of their external ids, and whoever comes second waits for the
/// first: two that make the same ones at once never wait for each other, and both find them.
pub(crate) async fn find_or_insert(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    described: BTreeMap<Reference, CreateCustomerRequest>,
) -> Result<HashMap<Reference, CustomerId>, Failure> {
    if described.is_empty() {
        return Ok(HashMap::new());
    }
    let external_ids: Vec<Reference> = described.keys().cloned().collect();
    let new = described
        .into_iter()
        .map(|(external_id, command)| {
            new(moment, CreateCustomerRequest { external_id: Some(external_id), ..command })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let ours: HashSet<CustomerId> = new.iter().map(|customer| customer.id).collect();
    let rows = new.into_iter().map(|customer| customer.into_active_model().reset_all());
    customer::Entity::insert_many(rows)
        .on_conflict(OnConflict::column(customer::Column::ExternalId).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    let found = store::find_by_external_ids(tx, caller.actor.scope(), external_ids).await?;
    let made: Vec<audit::Event> =
        found.iter().filter(|customer| ours.contains(&customer.id)).map(created).collect();
    if !made.is_empty() {
        audit::record_all(tx, moment, caller, made).await?;
    }
    let by_external_id = |customer: customer::Model| customer.external_id.map(|known| (known, customer.id));
    Ok(found.into_iter().filter_map(by_external_id).collect())
}

/// Makes customers that nobody else knows, up to a thousand, as a part of something larger: each as it is
/// described, in their order. Two statements, however many.
pub(crate) async fn insert_all(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    described: Vec<CreateCustomerRequest>,
) -> Result<Vec<CustomerId>, Failure> {
    if described.is_empty() {
        return Ok(Vec::new());
    }
    let new =
        described.into_iter().map(|command| new(moment, command)).collect::<Result<Vec<_>, Failure>>()?;
    let ids = new.iter().map(|customer| customer.id).collect();
    let made = new.iter().map(created).collect();
    let rows = new.into_iter().map(|customer| customer.into_active_model().reset_all());
    customer::Entity::insert_many(rows).exec_without_returning(tx).await?;
    audit::record_all(tx, moment, caller, made).await?;
    Ok(ids)
}

/// Whether there is anything to call the customer by.
pub(crate) fn is_named(command: &CreateCustomerRequest) -> bool {
    command.external_id.is_some()
        || command.name.is_some()
        || command.organization.is_some()
        || command.email.is_some()
}

fn new(moment: &Moment<'_>, command: CreateCustomerRequest) -> Result<customer::Model, Failure> {
    Ok(customer::Model {
        id: CustomerId::new(moment.new_uuid()?),
        external_id: command.external_id,
        name: command.name,
        organization: command.organization,
        email: command.email,
        notes: command.notes,
        metadata: command.metadata,
        created_at: moment.now,
        updated_at: moment.now,
        version: 1,
    })
}

fn created(customer: &customer::Model) -> audit::Event {
    audit::Event::new("customer.created", &customer.id, json!({"externalId": customer.external_id}))
}

/// Edits a customer.
///
/// # Errors
/// When there is none, `expected` is not its version, or it would have no name at all.
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
    let customer = customer::Model {
        external_id: command.external_id.apply(before.external_id),
        name: command.name.apply(before.name),
        organization: command.organization.apply(before.organization),
        email: command.email.apply(before.email),
        notes: command.notes.apply(before.notes),
        metadata: command.metadata.unwrap_or(before.metadata),
        updated_at: moment.now,
        version: before.version + 1,
        ..before
    };
    expect_name(&customer)?;
    let customer = customer.into_active_model().reset_all().update(&tx).await.map_err(external_id_taken)?;
    let event = audit::Event::new("customer.updated", &id, json!({"version": customer.version}));
    audit::record(&tx, &moment, caller, event).await?;
    tx.commit().await?;
    Ok(render(customer))
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
