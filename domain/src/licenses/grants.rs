//! What a licence grants, worked out once for all that it follows from.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use licentia_entity::{license, product};
use licentia_types::ids::{LicenseId, ProductId};
use licentia_types::time::Timestamp;
use licentia_types::tokens::ClaimSet;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter};

use super::{store, terms};
use crate::context::Context;
use crate::database::Database;
use crate::database::hot::Cells;
use crate::failure::Failure;
use crate::scope::Scope;
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

/// A licence with what it grants.
#[derive(Debug)]
pub(crate) struct Granted {
    /// All but the number of its seats that are taken and when it was first activated, which change
    /// without a version.
    pub(crate) license: license::Model,
    pub(crate) product: product::Model,
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
}

impl Granted {
    /// What follows from all of these.
    pub(crate) fn of(
        ctx: &Context,
        license: license::Model,
        product: product::Model,
        catalogue: &Catalogue,
    ) -> Result<Self, Failure> {
        let entitlements = terms::entitlements(ctx, catalogue, &license)?;
        let claim_set = Arc::new(entitlements.claim_set(&ctx.settings.issuer, &license, &product));
        Ok(Self { license, product, entitlements, claim_set })
    }

    pub(crate) const fn name(&self) -> GrantName {
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
/// comes back may be newer than what was asked for.
pub(crate) async fn of_names(
    ctx: &Context,
    db: &Database,
    names: impl Iterator<Item = GrantName>,
) -> Result<HashMap<LicenseId, Arc<Granted>>, Failure> {
    let mut granted = HashMap::new();
    let mut missing = HashSet::new();
    for name in names {
        match ctx.caches.grants.get(&name) {
            Some(known) => {
                granted.insert(name.license, known);
            }
            None => {
                missing.insert(name.license);
            }
        }
    }
    if !missing.is_empty() {
        let read = Box::pin(read(ctx, db, missing)).await?;
        granted.extend(read.into_iter().map(|granted| (granted.license.id, granted)));
    }
    Ok(granted)
}

async fn read(ctx: &Context, db: &Database, ids: HashSet<LicenseId>) -> Result<Vec<Arc<Granted>>, Failure> {
    let most = u64::try_from(ids.len()).unwrap_or(u64::MAX);
    // Whoever asks has proven already that these are theirs.
    let named = license::Column::Id.is_in(ids);
    let licenses = store::matching(db, Scope::Everything, named, most).await?;
    let products = products_of(db, licenses.iter().map(|license| license.product_id)).await?;
    let catalogues = catalog::of_products(ctx, db, products.values()).await?;
    let grant = |license: license::Model| {
        let product = products.get(&license.product_id).ok_or(Failure::Corrupt("product"))?;
        let catalogue = catalogues.get(&product.id).ok_or(Failure::Corrupt("catalogue"))?;
        let granted = Arc::new(Granted::of(ctx, license, product.clone(), catalogue)?);
        ctx.caches.grants.insert(granted.name(), Arc::clone(&granted));
        Ok(granted)
    };
    licenses.into_iter().map(grant).collect()
}

async fn products_of(
    db: &Database,
    ids: impl Iterator<Item = ProductId>,
) -> Result<HashMap<ProductId, product::Model>, DbErr> {
    let ids: HashSet<ProductId> = ids.collect();
    let rows = product::Entity::find().filter(product::Column::Id.is_in(ids)).all(db).await?;
    Ok(rows.into_iter().map(|product| (product.id, product)).collect())
}
