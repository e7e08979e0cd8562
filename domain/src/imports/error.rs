//! Why an import is refused as a whole.

use licentia_types::problems::{FieldProblem, ProblemCode};

use crate::failure::{Failure, failed_from};
use crate::groups::Unplaced;
use crate::once::OnceError;
use crate::pages::PageError;
use crate::refusal::Refusal;

/// Why an import is refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// No such import, or none that the caller may know of.
    #[error("there is no such import")]
    NotFound,
    /// No such product.
    #[error("there is no such product")]
    ProductUnknown,
    /// It cannot be put there.
    #[error("groupId: {0}")]
    Group(#[from] Unplaced),
    /// CSV of nobody knows which columns.
    #[error("CSV needs a preset that says what its columns are: lemonsqueezy, gumroad or issuance_log")]
    CsvNative,
    /// A shop's export is CSV and nothing else.
    #[error("Gumroad's export is CSV: send it as text/csv")]
    GumroadJson,
    /// More than is configured.
    #[error("an import may have up to {most} bytes")]
    TooLarge {
        /// How many.
        most: u64,
    },
    /// More than 64 KB in one row.
    #[error("row {row} is longer than {most} bytes")]
    RowTooLarge {
        /// Which one.
        row: i64,
        /// How many.
        most: usize,
    },
    /// Bytes that are no text.
    #[error("row {row} is not UTF-8")]
    NotUtf8 {
        /// Which one.
        row: i64,
    },
    /// Quotes or columns that do not add up.
    #[error("row {row} is no row of this CSV: {why}")]
    Csv {
        /// Which one; 0 is the head.
        row: i64,
        /// Why not.
        why: &'static str,
    },
    /// Nothing to import.
    #[error("there are no rows")]
    Empty,
    /// A list that cannot be shown so.
    #[error(transparent)]
    Page(PageError),
    /// Asked for under the key of another request.
    #[error(transparent)]
    Once(#[from] OnceError),
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(ImportError);

impl From<PageError> for ImportError {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Failed(failure) => Self::Failed(failure),
            refused @ PageError::Parameter { .. } => Self::Page(refused),
        }
    }
}

impl Refusal for ImportError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound => ProblemCode::NotFound,
            Self::ProductUnknown | Self::Group(_) => ProblemCode::ParameterInvalid,
            Self::CsvNative | Self::GumroadJson => ProblemCode::MediaTypeUnsupported,
            Self::TooLarge { .. } => ProblemCode::BodyTooLarge,
            Self::RowTooLarge { .. } | Self::NotUtf8 { .. } | Self::Csv { .. } | Self::Empty => {
                ProblemCode::ValidationFailed
            }
            Self::Page(error) => error.code(),
            Self::Once(error) => error.code(),
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        let row = |row: i64| vec![FieldProblem::new(format!("/{row}"), "INVALID", self.to_string())];
        match self {
            Self::RowTooLarge { row: number, .. }
            | Self::NotUtf8 { row: number }
            | Self::Csv { row: number, .. } => row(*number),
            Self::Empty => vec![FieldProblem::new("", "REQUIRED", self.to_string())],
            Self::NotFound
            | Self::ProductUnknown
            | Self::Group(_)
            | Self::CsvNative
            | Self::GumroadJson
            | Self::TooLarge { .. }
            | Self::Page(_)
            | Self::Once(_)
            | Self::Failed(_) => Vec::new(),
        }
    }
}
