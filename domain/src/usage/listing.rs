//! What was used, a page at a time.

use licentia_types::usage::UsageResponse;

use super::flush;
use super::query::{Group, Place, UsageQuery};
use crate::context::Context;
use crate::pages::{Cursor, PageError, PageQuery, cursor_wrong};
use crate::scope::Scope;

/// A page of what was used: all that this instance counted, and what others wrote up to a second ago.
///
/// # Errors
/// When a parameter is wrong.
pub async fn list(
    ctx: &Context,
    scope: Scope,
    query: &UsageQuery,
    page: &PageQuery,
) -> Result<UsageResponse, PageError> {
    let (limit, after) = (page.limit()?, page.cursor_of::<Place>()?);
    if after.as_ref().is_some_and(|Cursor(after)| !after.is_of(&query.grouping)) {
        return Err(cursor_wrong());
    }
    flush(ctx).await.map_err(PageError::Failed)?;
    let after = after.map(|Cursor(after)| after);
    let mut groups = query.groups(&ctx.db, scope.clone(), after.as_ref(), limit + 1).await?;
    let totals = if after.is_none() { Some(query.totals(&ctx.db, scope).await?) } else { None };
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = groups.len() > shown;
    groups.truncate(shown);
    let next_cursor = groups.last().filter(|_| more).map(|last| Cursor(&last.place).text());
    let number = |number: i64| u64::try_from(number).unwrap_or_default();
    Ok(UsageResponse {
        items: groups.into_iter().map(Group::into_entry).collect(),
        next_cursor,
        total: totals.map(|(entries, _)| number(entries)),
        count: totals.map(|(_, together)| number(together)),
    })
}
