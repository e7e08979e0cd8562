//! What a licence grants, worked out once for all that it follows from.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use licentia_entity::{license, product};
use licentia_types::ids::{LicenseId, ProductId};
use licentia_types::time::Timestamp;
use licentia_types::tokens::ClaimSet;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter};

use super::{license_row, terms};
use crate::context::Context;
use crate::database::Database;
use crate::database::hot::{Cells, Hot};
use crate::failure::Failure;
use crate::tiers::Catalogue;
use crate::tokens::Entitlements;
use crate::{catalog, products};

/// All that what a licence grants follows from. The instants tell versions apart that a restored
/// database gave a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GrantName {
    pub(crate) license: LicenseId,
    pub(crate) license_version: i64,
    pub(crate) license_updated_at: Timestamp,
    pub(crate) product: ProductId,
    pub(crate) product_version: i64,
    pub(crate) product_updated_at: Timestamp,
    pub(crate) catalogue_revision: i64,
}

/// A product at a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ProductName {
    id: ProductId,
    version: i64,
    updated_at: Timestamp,
    catalogue_revision: i64,
}

impl ProductName {
    const fn of(product: &product::Model) -> Self {
        let product::Model { id, version, updated_at, catalogue_revision, .. } = *product;
        Self { id, version, updated_at, catalogue_revision }
    }
}

/// A licence with what it grants.
#[derive(Debug)]
pub(crate) struct Granted {
    /// All but the number of its seats that are taken and when it was first activated, which change
    /// without a version.
    pub(crate) license: license::Model,
    pub(crate) product: Arc<product::Model>,
    pub(crate) entitlements: Entitlements,
    /// What its tokens say of it.
    pub(crate) claim_set: Arc<ClaimSet>,
}

/// What a statement selects to name what a licence `l` of a product `p` grants.
pub(crate) const GRANT_NAME: &str =
    "l.id, l.version, l.updated_at, p.id, p.version, p.updated_at, p.catalogue_revision";

impl GrantName {
    /// The next columns of a row, selected as [`GRANT_NAME`].
    pub(crate) fn next(cells: &mut Cells<'_>) -> Result<Self, DbErr> {
        Ok(Self {
            license: cells.next()?,
            license_version: cells.next()?,
            license_updated_at: cells.next()?,
            product: cells.next()?,
            product_version: cells.next()?,
            product_updated_at: cells.next()?,
            catalogue_revision: cells.next()?,
        })
    }

    const fn product_name(self) -> ProductName {
        let Self { product: id, product_version: version, product_updated_at: updated_at, .. } = self;
        ProductName { id, version, updated_at, catalogue_revision: self.catalogue_revision }
    }
}

impl Granted {
    /// What follows from all of these.
    pub(crate) fn of(
        ctx: &Context,
        license: license::Model,
        product: impl Into<Arc<product::Model>>,
        catalogue: &Catalogue,
    ) -> Result<Self, Failure> {
        let product = product.into();
        let entitlements = terms::entitlements(ctx, catalogue, &license)?;
        let claim_set = Arc::new(entitlements.claim_set(&ctx.settings.issuer, &license, &product));
        Ok(Self { license, product, entitlements, claim_set })
    }

    pub(crate) fn name(&self) -> GrantName {
        let Self { license, product, .. } = self;
        GrantName {
            license: license.id,
            license_version: license.version,
            license_updated_at: license.updated_at,
            product: product.id,
            product_version: product.version,
            product_updated_at: product.updated_at,
            catalogue_revision: product.catalogue_revision,
        }
    }
}

/// What a licence grants that was read just now.
pub(crate) async fn of_license(
    ctx: &Context,
    db: &Database,
    license: license::Model,
) -> Result<Arc<Granted>, Failure> {
    let product = products::store::get(db, license.product_id).await?;
    let catalogue = catalog::of_product(ctx, db, &product).await?;
    Ok(Arc::new(Granted::of(ctx, license, product, &catalogue)?))
}

/// What these licences grant. Those that are not at hand are read, all at once, as they are now: what
/// comes back may be newer than what was asked for. Where there are more licences than are kept in memory that is the
/// rule, so it is one hot statement, and products and catalogues are at hand.
pub(crate) async fn of_names(
    ctx: &Context,
    hot: &Hot,
    names: impl Iterator<Item = GrantName>,
) -> Result<HashMap<LicenseId, Arc<Granted>>, Failure> {
    let mut granted = HashMap::new();
    let mut missing = HashMap::new();
    for name in names {
        match ctx.caches.grants.get(&name) {
            Some(known) => drop(granted.insert(name.license, known)),
            None => drop(missing.insert(name.license, name)),
        }
    }
    if !missing.is_empty() {
        let read = Box::pin(read(ctx, hot, missing)).await?;
        granted.extend(read.into_iter().map(|granted| (granted.license.id, granted)));
    }
    Ok(granted)
}

async fn read(
    ctx: &Context,
    hot: &Hot,
    missing: HashMap<LicenseId, GrantName>,
) -> Result<Vec<Arc<Granted>>, Failure> {
    let licenses = license_row::read(hot, missing.keys().copied()).await?;
    // A licence that was edited in between may be at a tier that its product got since.
    let is_newer = |license: &license::Model| {
        missing.get(&license.id).is_some_and(|name| name.license_version != license.version)
    };
    let edited: HashSet<ProductId> =
        licenses.iter().filter(|license| is_newer(license)).map(|license| license.product_id).collect();
    let products =
        products_of(ctx, hot.db(), missing.into_values().map(GrantName::product_name), &edited).await?;
    let catalogues = catalog::of_products(ctx, hot.db(), products.values().map(|product| &**product)).await?;
    let grant = |license: license::Model| {
        let product = products.get(&license.product_id).ok_or(Failure::Corrupt("product"))?;
        let catalogue = catalogues.get(&product.id).ok_or(Failure::Corrupt("catalogue"))?;
        let granted = Arc::new(Granted::of(ctx, license, Arc::clone(product), catalogue)?);
        ctx.caches.grants.insert(granted.name(), Arc::clone(&granted));
        Ok(granted)
    };
    licenses.into_iter().map(grant).collect()
}

/// Those that are not at hand, or were edited, are read as they are now.
async fn products_of(
    ctx: &Context,
    db: &Database,
    names: impl Iterator<Item = ProductName>,
    edited: &HashSet<ProductId>,
) -> Result<HashMap<ProductId, Arc<product::Model>>, DbErr> {
    let mut products = HashMap::new();
    let mut missing = HashSet::new();
    for name in names {
        match ctx.caches.products.get(&name).filter(|_| !edited.contains(&name.id)) {
            Some(known) => drop(products.insert(name.id, known)),
            None => drop(missing.insert(name.id)),
        }
    }
    if !missing.is_empty() {
        for row in product::Entity::find().filter(product::Column::Id.is_in(missing)).all(db).await? {
            let product = Arc::new(row);
            ctx.caches.products.insert(ProductName::of(&product), Arc::clone(&product));
            products.insert(product.id, product);
        }
    }
    Ok(products)
}
