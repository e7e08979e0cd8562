//! Licences as CSV (RFC 4180), a page at a time, for spreadsheets and other systems.
//!
//! What was there when it began is exported, in the order of its making. Cells that a spreadsheet would
//! take for a formula get an apostrophe before them. Keys are never altered: they are what they are.

use std::collections::HashMap;

use licentia_entity::{customer, license, product, tier};
use licentia_types::ids::{CustomerId, LicenseId, ProductId, TierId};
use licentia_types::limits::Limit;
use licentia_types::text::{Key, Slug};
use licentia_types::time::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use serde_json::json;

use super::store::{LicenseFilter, chosen};
use super::{keys, rules};
use crate::actors::Caller;
use crate::context::Context;
use crate::csv::{disarm, line};
use crate::database::Lane;
use crate::failure::Failure;
use crate::scope::Scope;
use crate::{audit, customers};

/// Licences of one page.
const PAGE: u64 = 500;

const HEAD: [&str; 21] = [
    "id",
    "product",
    "tier",
    "status",
    "customer_id",
    "customer_external_id",
    "customer_name",
    "customer_organization",
    "customer_email",
    "masked_key",
    "starts_at",
    "expires_at",
    "updates_until",
    "trial",
    "seats_used",
    "max_activations",
    "source",
    "source_order_id",
    "notes",
    "created_at",
    "license_key",
];

/// An export under way.
pub struct Export {
    scope: Scope,
    filter: LicenseFilter,
    with_keys: bool,
    now: Timestamp,
    /// The last licence of the last page.
    after: Option<LicenseId>,
    /// The last licence of all; none: there is nothing to export.
    last: Option<LicenseId>,
    begun: bool,
    names: Names,
}

/// Slugs and keys by which people know products and tiers.
#[derive(Default)]
struct Names {
    products: HashMap<ProductId, Slug>,
    tiers: HashMap<TierId, Key>,
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export").field("with_keys", &self.with_keys).finish_non_exhaustive()
    }
}

/// Begins an export. With keys or without, it is written down in the audit log, with the number of
/// licences, before any of them is shown.
///
/// # Errors
/// When the database fails.
pub async fn export(
    ctx: &Context,
    caller: &Caller,
    filter: LicenseFilter,
    with_keys: bool,
) -> Result<Export, Failure> {
    let (moment, scope) = (ctx.moment(), caller.actor.scope());
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let last = chosen(scope.clone(), &filter, moment.now)
        .order_by_desc(license::Column::Id)
        .select_only()
        .column(license::Column::Id)
        .into_tuple::<LicenseId>()
        .one(&tx)
        .await?;
    let count = match last {
        None => 0,
        Some(last) => {
            let all = chosen(scope.clone(), &filter, moment.now).filter(license::Column::Id.lte(last));
            all.count(&tx).await?
        }
    };
    let detail = json!({"licenses": count, "keys": with_keys});
    let event = audit::Event::new("licenses.exported", &"licenses", detail);
    audit::record(&tx, &moment, caller, event).await?;
    tx.commit().await?;
    let now = moment.now;
    Ok(Export { scope, filter, with_keys, now, after: None, last, begun: false, names: Names::default() })
}

impl Export {
    /// The next lines, the head before the first ones; none when that was all.
    ///
    /// # Errors
    /// When the database fails, or a key cannot be opened.
    pub async fn next(&mut self, ctx: &Context) -> Result<Option<String>, Failure> {
        let mut lines = String::new();
        if !self.begun {
            self.begun = true;
            let shown = HEAD.len() - usize::from(!self.with_keys);
            line(&mut lines, HEAD.iter().take(shown).map(|name| (*name).to_owned()));
        }
        let Some(last) = self.last else {
            return Ok(Some(lines).filter(|lines| !lines.is_empty()));
        };
        let page = chosen(self.scope.clone(), &self.filter, self.now)
            .filter(license::Column::Id.lte(last))
            .apply_if(self.after, |select, after| select.filter(license::Column::Id.gt(after)))
            .order_by_asc(license::Column::Id)
            .limit(PAGE)
            .all(&ctx.db)
            .await?;
        self.after = page.last().map(|license| license.id);
        if self.after.is_none_or(|after| after == last) {
            self.last = None;
        }
        self.names.learn(ctx, &page).await?;
        let owners = owners(ctx, self.scope.clone(), &page).await?;
        for license in &page {
            let owner = license.customer_id.and_then(|id| owners.get(&id));
            line(&mut lines, self.cells(ctx, license, owner)?.into_iter());
        }
        Ok(Some(lines).filter(|lines| !lines.is_empty()))
    }

    fn cells(
        &self,
        ctx: &Context,
        license: &license::Model,
        owner: Option<&customer::Model>,
    ) -> Result<Vec<String>, Failure> {
        let status = serde_json::to_value(rules::status(license, self.now));
        let status = status.ok().and_then(|status| status.as_str().map(str::to_owned)).unwrap_or_default();
        let mut cells = vec![
            license.id.to_string(),
            self.names.products.get(&license.product_id).map(ToString::to_string).unwrap_or_default(),
            self.names.tiers.get(&license.tier_id).map(ToString::to_string).unwrap_or_default(),
            status,
            optional(license.customer_id.as_ref()),
            optional(owner.and_then(|owner| owner.external_id.as_ref())),
            optional(owner.and_then(|owner| owner.name.as_ref())),
            optional(owner.and_then(|owner| owner.organization.as_ref())),
            optional(owner.and_then(|owner| owner.email.as_ref())),
            license.key_masked.clone(),
            license.starts_at.to_string(),
            optional(license.expires_at.as_ref()),
            optional(license.updates_until.as_ref()),
            license.trial.to_string(),
            license.seats_used.to_string(),
            limit(license.max_activations),
            optional(license.source.as_ref()),
            optional(license.source_order_id.as_ref()),
            optional(license.notes.as_ref()),
            license.created_at.to_string(),
        ];
        cells.iter_mut().for_each(disarm);
        if self.with_keys {
            let kept = keys::is_kept(license);
            cells.push(if kept { keys::open(ctx, license)? } else { String::new() });
        }
        Ok(cells)
    }
}

impl Names {
    async fn learn(&mut self, ctx: &Context, page: &[license::Model]) -> Result<(), Failure> {
        let unknown = |license: &&license::Model| !self.tiers.contains_key(&license.tier_id);
        let (products, tiers): (Vec<ProductId>, Vec<TierId>) =
            page.iter().filter(unknown).map(|license| (license.product_id, license.tier_id)).unzip();
        if tiers.is_empty() {
            return Ok(());
        }
        let found: Vec<(ProductId, Slug)> = product::Entity::find()
            .select_only()
            .columns([product::Column::Id, product::Column::Slug])
            .filter(product::Column::Id.is_in(products))
            .into_tuple()
            .all(&ctx.db)
            .await?;
        self.products.extend(found);
        let found: Vec<(TierId, Key)> = tier::Entity::find()
            .select_only()
            .columns([tier::Column::Id, tier::Column::Key])
            .filter(tier::Column::Id.is_in(tiers))
            .into_tuple()
            .all(&ctx.db)
            .await?;
        self.tiers.extend(found);
        Ok(())
    }
}

async fn owners(
    ctx: &Context,
    scope: Scope,
    page: &[license::Model],
) -> Result<HashMap<CustomerId, customer::Model>, Failure> {
    let ids: Vec<CustomerId> = page.iter().filter_map(|license| license.customer_id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = customers::store::find_all(&ctx.db, scope, ids).await?;
    Ok(found.into_iter().map(|customer| (customer.id, customer)).collect())
}

fn optional(value: Option<&impl ToString>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

fn limit(limit: Limit) -> String {
    match limit {
        Limit::Inherit => String::new(),
        Limit::Unlimited => "unlimited".to_owned(),
        Limit::AtMost(most) => most.to_string(),
    }
}
