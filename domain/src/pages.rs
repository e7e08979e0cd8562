//! Lists, a page at a time: continued from the last entry seen, so that nothing is skipped or
//! shown twice while rows come and go.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use licentia_types::pages::{DEFAULT_LIMIT, MOST, PageResponse};
use licentia_types::problems::{FieldProblem, ProblemCode};
use sea_orm::sea_query::{Expr, LikeExpr, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, FromQueryResult, Order,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::failure::{Failure, failed_from};
use crate::refusal::Refusal;

/// Longest searched text, in bytes.
const LONGEST_SEARCH: usize = 200;

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct PageQuery {
    /// Entries on a page.
    pub limit: Option<u64>,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// `createdAt` or `-createdAt` (the default): oldest or newest first.
    pub sort: Option<String>,
    /// Text to search for.
    pub q: Option<String>,
}

/// Why no page was given.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A parameter cannot be used.
    #[error("{parameter} {expected}")]
    Parameter {
        /// Its name.
        parameter: &'static str,
        /// What it must be.
        expected: String,
    },
    /// Our fault.
    #[error(transparent)]
    Failed(Failure),
}

failed_from!(PageError: DbErr);

impl Refusal for PageError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::Parameter { .. } => ProblemCode::ParameterInvalid,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        Vec::new()
    }
}

impl PageQuery {
    /// Nobody types control characters, and PostgreSQL refuses to look for NUL.
    pub(crate) fn expect_searchable(&self) -> Result<(), PageError> {
        if self.q.as_deref().is_some_and(|q| q.len() > LONGEST_SEARCH || q.contains(char::is_control)) {
            return Err(PageError::Parameter {
                parameter: "q",
                expected: format!("must be at most {LONGEST_SEARCH} bytes without control characters"),
            });
        }
        Ok(())
    }

    pub(crate) fn limit(&self) -> Result<u64, PageError> {
        match self.limit.unwrap_or(DEFAULT_LIMIT) {
            limit @ 1..=MOST => Ok(limit),
            _ => Err(PageError::Parameter { parameter: "limit", expected: format!("must be 1 to {MOST}") }),
        }
    }

    pub(crate) fn order(&self) -> Result<Order, PageError> {
        match self.sort.as_deref() {
            None | Some("-createdAt") => Ok(Order::Desc),
            Some("createdAt") => Ok(Order::Asc),
            Some(_) => Err(PageError::Parameter {
                parameter: "sort",
                expected: "must be createdAt or -createdAt".to_owned(),
            }),
        }
    }

    /// What comes as a whole has no pages.
    ///
    /// # Errors
    /// When one was asked for.
    pub fn expect_none(&self) -> Result<(), PageError> {
        let asked = [("limit", self.limit.is_some()), ("cursor", self.cursor.is_some())];
        match asked.into_iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((parameter, _)) => {
                let expected = "must be absent: there are no pages".to_owned();
                Err(PageError::Parameter { parameter, expected })
            }
        }
    }

    /// The last entry of the page before, where lists are ordered by something else than their ids.
    pub(crate) fn cursor_of<T: DeserializeOwned>(&self) -> Result<Option<Cursor<T>>, PageError> {
        let Some(cursor) = &self.cursor else {
            return Ok(None);
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let last = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        last.map(|last| Some(Cursor(last))).ok_or_else(cursor_wrong)
    }

    fn after(&self) -> Result<Option<Uuid>, PageError> {
        let Some(cursor) = &self.cursor else {
            return Ok(None);
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| Uuid::from_slice(&bytes).ok());
        bytes.map(Some).ok_or_else(cursor_wrong)
    }
}

/// What stands in `cursor` did not come from `nextCursor`.
pub(crate) fn cursor_wrong() -> PageError {
    PageError::Parameter {
        parameter: "cursor",
        expected: "must be the nextCursor of the page before".to_owned(),
    }
}

/// What an entry is ordered by, as a client keeps it from page to page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<T>(pub(crate) T);

impl<T: Serialize> Cursor<T> {
    /// What stands in `nextCursor`.
    pub(crate) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&self.0).unwrap_or_default())
    }
}

/// A condition that holds where any of `columns` contains the searched text, without regard to case.
pub(crate) fn search<C: ColumnTrait>(q: Option<&str>, columns: &[C]) -> Condition {
    let Some(q) = q.map(str::trim).filter(|q| !q.is_empty()) else {
        return Condition::all();
    };
    let escaped: String = q
        .to_lowercase()
        .chars()
        .flat_map(|c| {
            let escape = matches!(c, '%' | '_' | '\\').then_some('\\');
            escape.into_iter().chain(std::iter::once(c))
        })
        .collect();
    let pattern = format!("%{escaped}%");
    columns.iter().fold(Condition::any(), |any, column| {
        let lower: SimpleExpr = sea_orm::sea_query::Func::lower(Expr::col(*column)).into();
        any.add(lower.like(LikeExpr::new(pattern.clone()).escape('\\')))
    })
}

/// One page of `select`, by the time-ordered id in `id_column`. The total comes with the first page.
pub(crate) async fn page<E, M, C>(
    db: &C,
    select: Select<E>,
    id_column: E::Column,
    id_of: fn(&M) -> Uuid,
    query: &PageQuery,
) -> Result<PageResponse<M>, PageError>
where
    E: EntityTrait<Model = M>,
    M: FromQueryResult + Sized + Send + Sync,
    C: ConnectionTrait,
{
    query.expect_searchable()?;
    let (limit, order, after) = (query.limit()?, query.order()?, query.after()?);
    let total = if after.is_none() { Some(select.clone().count(db).await?) } else { None };
    let rest = match (after, &order) {
        (None, _) => select,
        (Some(after), Order::Asc) => select.filter(id_column.gt(after)),
        (Some(after), _) => select.filter(id_column.lt(after)),
    };
    let mut items = rest.order_by(id_column, order).limit(limit + 1).all(db).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > shown;
    items.truncate(shown);
    let next_cursor =
        items.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(id_of(last).as_bytes()));
    Ok(PageResponse { items, next_cursor, total })
}
