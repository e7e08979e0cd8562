//! What becomes of a row: its result, as it is kept and as it is shown.

use licentia_entity::import_row;
use licentia_types::ids::{CustomerId, ImportId, LicenseId};
use licentia_types::imports::{ImportOutcome, ImportRowResponse};
use licentia_types::problems::{FieldProblem, ProblemCode};
use sea_orm::ActiveValue::Set;
use serde_json::Value;

use crate::customers::CustomerError;
use crate::failure::Failure;
use crate::licenses::LicenseError;
use crate::refusal::Refusal;

/// Why a row is not taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RowRefusal {
    pub(super) code: ProblemCode,
    pub(super) detail: String,
    pub(super) errors: Vec<FieldProblem>,
}

impl RowRefusal {
    /// One member of the row is wrong.
    pub(super) fn of_field(field: FieldProblem) -> Self {
        let code = match field.code.as_str() {
            "NOT_SUPPORTED" => ProblemCode::NotSupported,
            _ => ProblemCode::ValidationFailed,
        };
        Self { code, detail: format!("{}: {}", field.pointer, field.detail), errors: vec![field] }
    }

    /// Its customer is refused.
    pub(super) fn of_customer(error: &CustomerError) -> Self {
        let place =
            |field: FieldProblem| FieldProblem { pointer: format!("/customer{}", field.pointer), ..field };
        let errors = error.fields().into_iter().map(place).collect();
        Self { code: error.code(), detail: error.to_string(), errors }
    }

    /// Its licence is refused. What is our fault refuses no row.
    pub(super) fn of_license(error: LicenseError) -> Result<Self, Failure> {
        if let LicenseError::Failed(failure) = error {
            return Err(failure);
        }
        let place = |field: FieldProblem| {
            let pointer = match field.pointer.as_str() {
                "/productId" => "/license/product".to_owned(),
                "/tierId" => "/license/tier".to_owned(),
                pointer => format!("/license{pointer}"),
            };
            FieldProblem { pointer, ..field }
        };
        let errors = error.fields().into_iter().map(place).collect();
        Ok(Self { code: error.code(), detail: error.to_string(), errors })
    }
}

/// The result of a row.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Taken in.
    Created { license: Option<LicenseId>, customer: Option<CustomerId> },
    /// It would be, were this no dry run.
    Accepted,
    /// Nothing that could be imported.
    Skipped,
    /// Not taken in.
    Refused(RowRefusal),
}

impl Outcome {
    pub(super) const fn kind(&self) -> ImportOutcome {
        match self {
            Self::Created { .. } => ImportOutcome::Created,
            Self::Accepted => ImportOutcome::Accepted,
            Self::Skipped => ImportOutcome::Skipped,
            Self::Refused(_) => ImportOutcome::Refused,
        }
    }

    /// The row that keeps it.
    pub(super) fn row(self, import: ImportId, number: i64) -> Result<import_row::ActiveModel, Failure> {
        let outcome = self.kind();
        let (license, customer, refusal) = match self {
            Self::Created { license, customer } => (license, customer, None),
            Self::Accepted | Self::Skipped => (None, None, None),
            Self::Refused(refusal) => (None, None, Some(refusal)),
        };
        let errors = refusal.as_ref().map_or(&[][..], |refusal| &refusal.errors);
        let errors = serde_json::to_value(errors).map_err(|_| Failure::Corrupt("result of a row"))?;
        Ok(import_row::ActiveModel {
            import_id: Set(import),
            number: Set(number),
            outcome: Set(outcome),
            license_id: Set(license),
            customer_id: Set(customer),
            code: Set(refusal.as_ref().map(|refusal| refusal.code.as_str().to_owned())),
            detail: Set(refusal.map(|refusal| refusal.detail)),
            errors: Set(errors),
        })
    }
}

/// A result as the API shows it.
pub(super) fn render(row: import_row::Model) -> Result<ImportRowResponse, Failure> {
    let corrupt = || Failure::Corrupt("result of a row");
    let code = row.code.map(|code| serde_json::from_value(Value::String(code))).transpose();
    Ok(ImportRowResponse {
        row: u64::try_from(row.number).map_err(|_| corrupt())?,
        outcome: row.outcome,
        license_id: row.license_id,
        customer_id: row.customer_id,
        code: code.map_err(|_| corrupt())?,
        detail: row.detail,
        errors: serde_json::from_value(row.errors).map_err(|_| corrupt())?,
    })
}
