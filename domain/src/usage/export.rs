//! What was used, as CSV, a page at a time.

use licentia_types::usage::{UsageDimension, UsageEntry};

use super::flush;
use super::query::{Group, Place, UsageQuery};
use crate::context::Context;
use crate::csv::{disarm, line};
use crate::failure::Failure;
use crate::scope::Scope;

/// Entries of one page: some 2 MB. Each page adds up anew.
const PAGE: u64 = 10_000;

/// The columns, as far as entries are told apart by them, before `count`.
const COLUMNS: [(UsageDimension, &str); 5] = [
    (UsageDimension::Day, "day"),
    (UsageDimension::License, "license_id"),
    (UsageDimension::Action, "action"),
    (UsageDimension::Outcome, "outcome"),
    (UsageDimension::ProductVersion, "product_version"),
];

/// An export under way.
#[derive(Debug)]
pub struct Export {
    scope: Scope,
    query: UsageQuery,
    columns: Vec<(UsageDimension, &'static str)>,
    next: Next,
}

#[derive(Debug)]
enum Next {
    Head,
    After(Place),
    Nothing,
}

/// Begins an export of all that this instance counted, and of what others wrote up to a second ago.
///
/// # Errors
/// When the database fails.
pub async fn export(ctx: &Context, scope: Scope, query: UsageQuery) -> Result<Export, Failure> {
    flush(ctx).await?;
    let shown =
        |(dimension, _): &(UsageDimension, &str)| query.grouping.dimensions().any(|by| by == *dimension);
    let columns = COLUMNS.into_iter().filter(shown).collect();
    Ok(Export { scope, query, columns, next: Next::Head })
}

impl Export {
    /// The next lines, the head before the first ones; none when that was all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next(&mut self, ctx: &Context) -> Result<Option<String>, Failure> {
        let mut lines = String::new();
        let after = match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::Nothing => return Ok(None),
            Next::After(place) => Some(place),
            Next::Head => {
                let names = self.columns.iter().map(|(_, name)| (*name).to_owned());
                line(&mut lines, names.chain(["count".to_owned()]));
                None
            }
        };
        let groups = self.query.groups(&ctx.db, self.scope.clone(), after.as_ref(), PAGE).await?;
        if let Some(last) = groups.last() {
            self.next = Next::After(last.place.clone());
        }
        for entry in groups.into_iter().map(Group::into_entry) {
            let cells = self.columns.iter().map(|(dimension, _)| cell(*dimension, &entry));
            line(&mut lines, cells.chain([entry.count.to_string()]));
        }
        Ok(Some(lines).filter(|lines| !lines.is_empty()))
    }
}

/// Versions are what machines say.
fn cell(dimension: UsageDimension, entry: &UsageEntry) -> String {
    let cell = match dimension {
        UsageDimension::Day => entry.day.map(|day| day.to_string()),
        UsageDimension::License => entry.license_id.flatten().map(|id| id.to_string()),
        UsageDimension::Action => entry.action.clone(),
        UsageDimension::Outcome => entry.outcome.clone(),
        UsageDimension::ProductVersion => entry.product_version.clone().flatten(),
    };
    let mut cell = cell.unwrap_or_default();
    disarm(&mut cell);
    cell
}
