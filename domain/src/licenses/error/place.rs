//! Where in a body a refusal belongs: the same one is told of a licence, of one of many, and of the
//! features alone.

use licentia_types::problems::FieldProblem;

use super::LicenseError;
use crate::refusal::Refusal;

impl LicenseError {
    /// The refusal of one of several licences; our own faults belong to none of them.
    pub(in crate::licenses) fn at(self, index: usize) -> Self {
        match self {
            Self::Failed(_) | Self::InBulk { .. } => self,
            error => Self::InBulk { index, error: Box::new(error) },
        }
    }

    /// The refusal of a body that is what other bodies have as their member `features`.
    pub(in crate::licenses) fn of_features(self) -> Self {
        match self {
            Self::Failed(_) => self,
            error => Self::OfFeatures(Box::new(error)),
        }
    }

    /// The same refusal, where there was one licence only.
    pub(in crate::licenses) fn alone(self) -> Self {
        match self {
            Self::InBulk { error, .. } => *error,
            error => error,
        }
    }
}

/// The members of one entry; the entry itself, where no member is to blame.
pub(super) fn in_bulk(index: usize, error: &LicenseError) -> Vec<FieldProblem> {
    let fields = error.fields();
    if fields.is_empty() {
        return vec![FieldProblem::new(format!("/licenses/{index}"), "INVALID", error.to_string())];
    }
    let of_entry = |inner: FieldProblem| FieldProblem {
        pointer: format!("/licenses/{index}{}", inner.pointer),
        ..inner
    };
    fields.into_iter().map(of_entry).collect()
}

pub(super) fn of_features(error: &LicenseError) -> Vec<FieldProblem> {
    let of_member = |inner: FieldProblem| FieldProblem {
        pointer: inner.pointer.strip_prefix("/features").unwrap_or(&inner.pointer).to_owned(),
        ..inner
    };
    error.fields().into_iter().map(of_member).collect()
}
