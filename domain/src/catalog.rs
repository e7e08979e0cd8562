//! The catalogue as a whole: what is resolved of it, the public price list, and the frame of every edit ([`edit`]).
//!
//! An edit of a tier or feature holds its product's row, so that edits of one catalogue come one
//! after the other.

use std::collections::HashMap;
use std::sync::Arc;

use licentia_entity::{feature, product, tier};
use licentia_types::ids::ProductId;
use licentia_types::products::{CatalogProduct, CatalogResponse, CatalogTier};
use sea_orm::ConnectionTrait;

use crate::context::Context;
use crate::failure::Failure;
use crate::products::Visible;
use crate::tiers::{Catalogue, ResolveError};
use crate::{features, products, tiers};

pub(crate) use edit::Edit;
pub use edit::EditError;
pub(crate) use impact::{Impact, active_machines};

mod edit;
pub(crate) mod entries;
mod impact;

/// Everything that is resolved for one product.
pub(crate) async fn load(db: &impl ConnectionTrait, product: ProductId) -> Result<Catalogue, Failure> {
    Ok(Catalogue {
        tiers: entries::of_product::<tier::Entity>(db, product).await?,
        features: entries::of_product::<feature::Entity>(db, product).await?,
    })
}

/// The same for several products at once.
pub(crate) async fn load_all(
    db: &impl ConnectionTrait,
    products: &[ProductId],
) -> Result<HashMap<ProductId, Catalogue>, Failure> {
    let mut tiers = entries::by_product::<tier::Entity>(db, products).await?;
    let mut features = entries::by_product::<feature::Entity>(db, products).await?;
    let of = |id: &ProductId| {
        let tiers = tiers.remove(id).unwrap_or_default();
        (*id, Catalogue { tiers, features: features.remove(id).unwrap_or_default() })
    };
    Ok(products.iter().map(of).collect())
}

/// The catalogues that these products have: committed rows, as they are. What is not at hand is read.
pub(crate) async fn of_products<'a>(
    ctx: &Context,
    db: &impl ConnectionTrait,
    products: impl Iterator<Item = &'a product::Model> + Clone,
) -> Result<HashMap<ProductId, Arc<Catalogue>>, Failure> {
    let mut known = HashMap::new();
    let mut missing = Vec::new();
    for product in products.clone() {
        match ctx.caches.catalogues.get(&(product.id, product.catalogue_revision)) {
            Some(catalogue) => drop(known.insert(product.id, catalogue)),
            None => missing.push(product.id),
        }
    }
    if missing.is_empty() {
        return Ok(known);
    }
    let mut read = load_all(db, &missing).await?;
    for product in products {
        if let Some(catalogue) = read.remove(&product.id).map(Arc::new) {
            let name = (product.id, product.catalogue_revision);
            ctx.caches.catalogues.insert(name, Arc::clone(&catalogue));
            known.insert(product.id, catalogue);
        }
    }
    Ok(known)
}

/// The same for one product, on the connection of whoever asks.
pub(crate) async fn of_product(
    ctx: &Context,
    db: &impl ConnectionTrait,
    product: &product::Model,
) -> Result<Arc<Catalogue>, Failure> {
    let name = (product.id, product.catalogue_revision);
    if let Some(catalogue) = ctx.caches.catalogues.get(&name) {
        return Ok(catalogue);
    }
    let catalogue = Arc::new(load(db, product.id).await?);
    ctx.caches.catalogues.insert(name, Arc::clone(&catalogue));
    Ok(catalogue)
}

/// Active products with their tiers and features, for everybody.
///
/// # Errors
/// When the database fails.
pub async fn catalog(ctx: &Context) -> Result<CatalogResponse, EditError> {
    let products = products::store::all_by_name(&ctx.db, Visible::Active).await?;
    let ids: Vec<ProductId> = products.iter().map(|product| product.id).collect();
    let mut catalogues = load_all(&ctx.db, &ids).await.map_err(EditError::Failed)?;
    let shown = products.into_iter().map(|product| {
        let catalogue = catalogues.remove(&product.id).unwrap_or_default();
        catalog_product(ctx, product, &catalogue)
    });
    Ok(CatalogResponse { products: shown.collect::<Result<_, _>>()? })
}

fn catalog_product(
    ctx: &Context,
    product: product::Model,
    catalogue: &Catalogue,
) -> Result<CatalogProduct, EditError> {
    let on_sale = catalogue.tiers.iter().filter(|tier| tier.archived_at.is_none());
    let tiers = on_sale
        .map(|tier| {
            let resolved = catalogue.resolve(tier.id, &ctx.settings)?;
            Ok(CatalogTier {
                resolved_features: tiers::render_grants(catalogue, &resolved),
                path: resolved.path,
                tier: tiers::render(tier.clone()),
            })
        })
        .collect::<Result<_, ResolveError>>()?;
    Ok(CatalogProduct {
        id: product.id,
        slug: product.slug,
        name: product.name,
        description: product.description,
        tiers,
        features: catalogue.live_features().cloned().map(features::render).collect(),
    })
}
