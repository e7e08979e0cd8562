//! One page of a list.

use serde::{Deserialize, Serialize};

/// Entries on a page when nothing is asked for.
pub const DEFAULT_LIMIT: u64 = 50;
/// Most entries on a page.
pub const MOST: u64 = 200;

/// One page of a list, and where the next one begins.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PageResponse<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Ask for the next page with `?cursor=`; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Entries on all pages; on the first page only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

impl<T> PageResponse<T> {
    /// The same page with every entry turned into its answer.
    #[must_use]
    pub fn map<U>(self, render: impl FnMut(T) -> U) -> PageResponse<U> {
        PageResponse {
            items: self.items.into_iter().map(render).collect(),
            next_cursor: self.next_cursor,
            total: self.total,
        }
    }
}
