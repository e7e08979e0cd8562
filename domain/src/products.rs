//! Products: what is sold. Archiving stops sales; what was sold goes on working.

use licentia_entity::product;
use licentia_types::ids::ProductId;
use licentia_types::pages::PageResponse;
use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::products::{ClonePolicy, CreateProductRequest, ProductResponse, UpdateProductRequest};
use licentia_types::text::{KeyPrefixText, Slug};
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel};
use serde_json::json;

use crate::actors::Caller;
use crate::context::Context;
use crate::database::{Constraint, Lane, violates};
use crate::failure::{Failure, failed_from};
use crate::pages::{PageError, PageQuery};
use crate::refusal::Refusal;
use crate::{audit, once};

pub(crate) mod store;

pub use store::Visible;

const SLUG_TAKEN: Constraint = Constraint { name: "product_slug", columns: "product.slug" };

/// Why an operation on a product was refused.
#[derive(Debug, thiserror::Error)]
pub enum ProductError {
    /// No such product, or an archived one that the caller may not see.
    #[error("there is no such product")]
    NotFound,
    /// Another product has the slug.
    #[error("a product with this slug exists")]
    SlugTaken,
    /// Somebody else edited it.
    #[error("the product was changed in the meantime; its version is {current}")]
    Stale {
        /// The present version.
        current: i64,
    },
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(ProductError);

impl Refusal for ProductError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound => ProblemCode::NotFound,
            Self::SlugTaken => ProblemCode::AlreadyExists,
            Self::Stale { .. } => ProblemCode::VersionStale,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::SlugTaken => vec![FieldProblem::new("/slug", "TAKEN", self.to_string())],
            _ => Vec::new(),
        }
    }
}

/// A product as the API shows it.
#[must_use]
pub fn render(product: product::Model) -> ProductResponse {
    ProductResponse {
        id: product.id,
        slug: product.slug,
        name: product.name,
        description: product.description,
        key_prefix: product.key_prefix,
        token_typ: product.token_typ,
        one_active_key: product.one_active_key,
        clone_policy: ClonePolicy::Record,
        first_activation: product.first_activation,
        catalogue_revision: product.catalogue_revision,
        archived_at: product.archived_at,
        created_at: product.created_at,
        updated_at: product.updated_at,
        version: product.version,
    }
}

/// How a product is named in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProductName {
    /// `prod_…`
    Id(ProductId),
    /// Its slug.
    Slug(Slug),
}

/// A page of products.
///
/// # Errors
/// When a parameter is wrong.
pub async fn list(
    ctx: &Context,
    visible: Visible,
    query: &PageQuery,
) -> Result<PageResponse<ProductResponse>, PageError> {
    Ok(store::list(&ctx.db, visible, query).await?.map(render))
}

/// One product.
///
/// # Errors
/// When there is none, or it is archived and the caller sees only active ones.
pub async fn get(
    ctx: &Context,
    visible: Visible,
    name: &ProductName,
) -> Result<ProductResponse, ProductError> {
    store::find(&ctx.db, visible, name).await?.map(render).ok_or(ProductError::NotFound)
}

/// Makes a product.
///
/// # Errors
/// When the slug is taken.
pub async fn create(
    ctx: &Context,
    caller: &Caller,
    command: CreateProductRequest,
) -> Result<ProductResponse, ProductError> {
    // `/products/catalog` is the price list.
    if command.slug.as_str() == "catalog" {
        return Err(ProductError::SlugTaken);
    }
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let key_prefix = command.key_prefix.unwrap_or_else(|| KeyPrefixText::of(&command.slug));
    let row = product::ActiveModel {
        id: Set(ProductId::new(moment.new_uuid()?)),
        slug: Set(command.slug),
        name: Set(command.name),
        description: Set(command.description),
        key_prefix: Set(key_prefix),
        token_typ: Set(command.token_typ),
        one_active_key: Set(command.one_active_key),
        first_activation: Set(command.first_activation),
        catalogue_revision: Set(1),
        archived_at: Set(None),
        created_at: Set(moment.now),
        updated_at: Set(moment.now),
        version: Set(1),
    };
    let tx = once::begin(ctx, caller).await?;
    let product = row.insert(&tx).await.map_err(slug_taken)?;
    let event = audit::Event::new("product.created", &product.id, json!({"slug": product.slug}));
    audit::record(&tx, &moment, caller, event).await.map_err(ProductError::Failed)?;
    let shown = render(product);
    once::commit(ctx, &moment, caller, tx, &shown).await?;
    Ok(shown)
}

/// Edits a product.
///
/// # Errors
/// When there is none, or `expected` is not its version.
pub async fn update(
    ctx: &Context,
    caller: &Caller,
    id: ProductId,
    expected: Option<i64>,
    command: UpdateProductRequest,
) -> Result<ProductResponse, ProductError> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let before = locked(&tx, id, expected).await?;
    let mut row = before.clone().into_active_model();
    if let Some(name) = command.name {
        row.name = Set(name);
    }
    row.description = Set(command.description.apply(before.description));
    if let Some(prefix) = command.key_prefix {
        row.key_prefix = Set(prefix);
    }
    if let Some(typ) = command.token_typ {
        row.token_typ = Set(typ);
    }
    if let Some(one_active_key) = command.one_active_key {
        row.one_active_key = Set(one_active_key);
    }
    if let Some(first_activation) = command.first_activation {
        row.first_activation = Set(first_activation);
    }
    row.updated_at = Set(moment.now);
    row.version = Set(before.version + 1);
    let product = row.update(&tx).await?;
    let event = audit::Event::new("product.updated", &id, json!({"version": product.version}));
    audit::record(&tx, &moment, caller, event).await.map_err(ProductError::Failed)?;
    tx.commit().await?;
    Ok(render(product))
}

/// Archives a product: nothing new is made of it, what exists goes on. Doing it again changes nothing.
///
/// # Errors
/// When there is none, or `expected` is not its version.
pub async fn archive(
    ctx: &Context,
    caller: &Caller,
    id: ProductId,
    expected: Option<i64>,
) -> Result<(), ProductError> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let before = locked(&tx, id, expected).await?;
    if before.archived_at.is_some() {
        return Ok(());
    }
    let mut row = before.clone().into_active_model();
    row.archived_at = Set(Some(moment.now));
    row.updated_at = Set(moment.now);
    row.version = Set(before.version + 1);
    row.update(&tx).await?;
    let event = audit::Event::new("product.archived", &id, json!({}));
    audit::record(&tx, &moment, caller, event).await.map_err(ProductError::Failed)?;
    tx.commit().await?;
    Ok(())
}

async fn locked(
    tx: &crate::database::WriteTx,
    id: ProductId,
    expected: Option<i64>,
) -> Result<product::Model, ProductError> {
    let product = store::find_locked(tx, id).await?.ok_or(ProductError::NotFound)?;
    match expected {
        Some(version) if version != product.version => Err(ProductError::Stale { current: product.version }),
        _ => Ok(product),
    }
}

fn slug_taken(error: DbErr) -> ProductError {
    if violates(&error, SLUG_TAKEN) { ProductError::SlugTaken } else { error.into() }
}
