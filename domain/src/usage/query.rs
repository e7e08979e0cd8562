//! Which counts are read, and by what they are told apart.

use licentia_entity::{license, usage_day};
use licentia_types::ids::{LicenseId, ProductId};
use licentia_types::usage::{Day, UsageDimension, UsageEntry, UsageGrouping, UsageOrder};
use sea_orm::sea_query::{Alias, Expr, Query, SelectStatement, SimpleExpr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, Order, QueryFilter, QueryOrder, QueryResult,
    QuerySelect, QueryTrait, Select,
};
use serde::{Deserialize, Serialize};

use super::NOBODY;
use crate::licenses;
use crate::scope::Scope;

/// Which counts.
#[derive(Clone, Debug, Default)]
pub struct UsageFilter {
    /// Not before this day.
    pub from: Option<Day>,
    /// Not after this day.
    pub to: Option<Day>,
    /// Of this licence.
    pub license_id: Option<LicenseId>,
    /// Of this product's licences.
    pub product_id: Option<ProductId>,
    /// Of this action.
    pub action: Option<String>,
    /// With this outcome.
    pub outcome: Option<String>,
    /// Of this version; empty: of none that was told.
    pub product_version: Option<String>,
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct UsageQuery {
    /// Which counts.
    pub filter: UsageFilter,
    /// What they are told apart by; by anything else they are added up.
    pub grouping: UsageGrouping,
    /// In which order.
    pub order: UsageOrder,
}

/// Where an entry stands, as it is stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    day: Option<Day>,
    license: Option<LicenseId>,
    version: Option<String>,
    action: Option<String>,
    outcome: Option<String>,
}

/// How often something was used.
pub(super) struct Group {
    pub(super) place: Place,
    count: i64,
}

impl UsageQuery {
    /// The next of the entries, after those that were read.
    pub(super) async fn groups(
        &self,
        db: &impl ConnectionTrait,
        scope: Scope,
        after: Option<&Place>,
        most: u64,
    ) -> Result<Vec<Group>, DbErr> {
        let order = match self.order {
            UsageOrder::LatestFirst => Order::Desc,
            UsageOrder::OldestFirst => Order::Asc,
        };
        let beyond = after.map(|after| {
            let (here, there) = (Expr::tuple(self.expressions()), Expr::tuple(after.values(&self.grouping)));
            if order == Order::Asc { here.gt(there) } else { here.lt(there) }
        });
        let mut groups = self.grouped(scope).apply_if(beyond, QueryFilter::filter);
        for column in self.columns() {
            groups = groups.order_by(column, order.clone());
        }
        let rows = db.query_all_raw(groups.limit(most).build(db.get_database_backend())).await?;
        rows.iter().map(|row| Group::read(row, &self.grouping)).collect()
    }

    /// How many entries there are, and all their counts together.
    pub(super) async fn totals(&self, db: &impl ConnectionTrait, scope: Scope) -> Result<(i64, i64), DbErr> {
        let groups: SelectStatement = self.grouped(scope).into_query();
        let totals = Query::select()
            .expr(Expr::cust("COUNT(*)"))
            .expr(Expr::cust("CAST(COALESCE(SUM(count), 0) AS BIGINT)"))
            .from_subquery(groups, Alias::new("entry"))
            .to_owned();
        let row = db.query_one_raw(db.get_database_backend().build(&totals)).await?;
        row.map_or(Ok((0, 0)), |row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
    }

    fn grouped(&self, scope: Scope) -> Select<usage_day::Entity> {
        let mut groups = chosen(scope, &self.filter).select_only();
        for column in self.columns() {
            groups = groups.column(column).group_by(column);
        }
        let together = Expr::col(usage_day::Column::Count).sum().cast_as("bigint");
        groups.column_as(together, "count")
    }

    fn columns(&self) -> impl Iterator<Item = usage_day::Column> {
        self.grouping.dimensions().map(column)
    }

    fn expressions(&self) -> Vec<SimpleExpr> {
        self.columns().map(|column| Expr::col((usage_day::Entity, column))).collect()
    }
}

const fn column(dimension: UsageDimension) -> usage_day::Column {
    match dimension {
        UsageDimension::Day => usage_day::Column::Day,
        UsageDimension::License => usage_day::Column::LicenseId,
        UsageDimension::ProductVersion => usage_day::Column::ProductVersion,
        UsageDimension::Action => usage_day::Column::Action,
        UsageDimension::Outcome => usage_day::Column::Outcome,
    }
}

fn select(scope: Scope) -> Select<usage_day::Entity> {
    let all = usage_day::Entity::find();
    match scope {
        Scope::Everything => all,
        // What was asked of no licence that is known is in no group.
        Scope::Groups(groups) => {
            all.filter(usage_day::Column::LicenseId.in_subquery(licenses::store::ids_within(&groups)))
        }
        Scope::License(id) => all.filter(usage_day::Column::LicenseId.eq(id)),
        // Machines do not see each other's.
        Scope::Customer(_) | Scope::Activation(_) | Scope::Nothing => all.filter(Expr::value(false)),
    }
}

fn chosen(scope: Scope, filter: &UsageFilter) -> Select<usage_day::Entity> {
    use usage_day::Column::{Action, Day, LicenseId, Outcome, ProductVersion};
    let texts =
        [(Action, &filter.action), (Outcome, &filter.outcome), (ProductVersion, &filter.product_version)];
    let of_product = |product: ProductId| {
        let licenses = license::Entity::find()
            .select_only()
            .column(license::Column::Id)
            .filter(license::Column::ProductId.eq(product));
        LicenseId.in_subquery(licenses.into_query())
    };
    texts
        .into_iter()
        .filter_map(|(column, text)| Some((column, text.as_deref()?)))
        .fold(select(scope), |select, (column, text)| {
            // Nothing is counted under control characters, and PostgreSQL refuses to look for NUL.
            let known = !text.contains(char::is_control);
            select.filter(if known { column.eq(text) } else { Expr::value(false) })
        })
        .apply_if(filter.from, |select, from| select.filter(Day.gte(from)))
        .apply_if(filter.to, |select, to| select.filter(Day.lte(to)))
        .apply_if(filter.license_id, |select, id| select.filter(LicenseId.eq(id)))
        .apply_if(filter.product_id, |select, id| select.filter(of_product(id)))
}

impl Place {
    /// Whether it can be the place of an entry that these tell apart.
    pub(super) fn is_of(&self, grouping: &UsageGrouping) -> bool {
        let texts = [&self.version, &self.action, &self.outcome];
        let clean = texts.into_iter().flatten().all(|text| !text.contains(char::is_control));
        clean && self.values(grouping).len() == grouping.dimensions().count()
    }

    fn values(&self, grouping: &UsageGrouping) -> Vec<SimpleExpr> {
        let text = |text: &Option<String>| text.clone().map(Expr::value);
        let value = |dimension| match dimension {
            UsageDimension::Day => self.day.map(Expr::value),
            UsageDimension::License => self.license.map(Expr::value),
            UsageDimension::ProductVersion => text(&self.version),
            UsageDimension::Action => text(&self.action),
            UsageDimension::Outcome => text(&self.outcome),
        };
        grouping.dimensions().filter_map(value).collect()
    }
}

impl Group {
    fn read(row: &QueryResult, grouping: &UsageGrouping) -> Result<Self, DbErr> {
        let mut place = Place::default();
        for (index, dimension) in grouping.dimensions().enumerate() {
            match dimension {
                UsageDimension::Day => place.day = Some(row.try_get_by_index(index)?),
                UsageDimension::License => place.license = Some(row.try_get_by_index(index)?),
                UsageDimension::ProductVersion => place.version = Some(row.try_get_by_index(index)?),
                UsageDimension::Action => place.action = Some(row.try_get_by_index(index)?),
                UsageDimension::Outcome => place.outcome = Some(row.try_get_by_index(index)?),
            }
        }
        Ok(Self { place, count: row.try_get("", "count")? })
    }

    pub(super) fn into_entry(self) -> UsageEntry {
        let Self { place: Place { day, license, version, action, outcome }, count } = self;
        UsageEntry {
            day,
            license_id: license.map(|id| Some(id).filter(|id| *id != NOBODY)),
            action,
            outcome,
            product_version: version.map(|version| Some(version).filter(|version| !version.is_empty())),
            count: u64::try_from(count).unwrap_or_default(),
        }
    }
}
