//! Records, read as rows.

use licentia_types::imports::{ImportPreset, ImportedRow, MOST_MACHINES_OF_A_ROW};
use licentia_types::problems::{FieldProblem, ProblemCode};
use serde_json::{Map, Value};

use super::ImportOptions;
use super::planned::RowRefusal;
use super::presets;
use crate::{customers, misread};

/// What a record says.
pub(super) enum Parsed {
    /// A row.
    Row(Box<ImportedRow>),
    /// Nothing that could be imported.
    Nothing,
    /// Something that cannot be read.
    Refused(RowRefusal),
}

/// Reads a record.
pub(super) fn parse(options: &ImportOptions, record: &str) -> Parsed {
    let row = match options.preset {
        ImportPreset::Native => native(record).map(Some),
        preset => foreign(preset, options, record),
    };
    match row.and_then(|row| row.map(checked).transpose()) {
        Ok(Some(row)) => Parsed::Row(Box::new(row)),
        Ok(None) => Parsed::Nothing,
        Err(refusal) => Parsed::Refused(refusal),
    }
}

fn native(record: &str) -> Result<ImportedRow, RowRefusal> {
    if !record.starts_with('{') {
        return Err(no_object());
    }
    let mut json = serde_json::Deserializer::from_str(record);
    let row = serde_path_to_error::deserialize(&mut json).map_err(|error| misread(&error))?;
    json.end().map_err(|_| no_object())?;
    Ok(row)
}

fn foreign(
    preset: ImportPreset,
    options: &ImportOptions,
    record: &str,
) -> Result<Option<ImportedRow>, RowRefusal> {
    let record: Map<String, Value> = serde_json::from_str(record).map_err(|_| no_object())?;
    let Some(row) = presets::row(preset, options, &record).map_err(RowRefusal::of_field)? else {
        return Ok(None);
    };
    serde_path_to_error::deserialize(row).map(Some).map_err(|error| misread(&error))
}

fn no_object() -> RowRefusal {
    RowRefusal {
        code: ProblemCode::BodyInvalid,
        detail: "the row is not a JSON object".to_owned(),
        errors: Vec::new(),
    }
}

fn misread(error: &serde_path_to_error::Error<serde_json::Error>) -> RowRefusal {
    use serde_json::error::Category;
    match error.inner().classify() {
        Category::Data => RowRefusal::of_field(misread::field(error)),
        Category::Io | Category::Syntax | Category::Eof => no_object(),
    }
}

/// What no type says.
fn checked(row: ImportedRow) -> Result<ImportedRow, RowRefusal> {
    let refuse = |pointer: &str, code: &str, detail: &str| {
        Err(RowRefusal::of_field(FieldProblem::new(pointer, code, detail)))
    };
    if row.license.is_none() && row.customer.is_none() {
        return refuse("/license", "REQUIRED", "license or customer must be there");
    }
    if row.license.is_none() && !row.machines.is_empty() {
        return refuse("/license", "REQUIRED", "machines are those of a licence");
    }
    if row.machines.len() > MOST_MACHINES_OF_A_ROW {
        let most = format!("at most {MOST_MACHINES_OF_A_ROW} machines");
        return refuse("/machines", "INVALID", &most);
    }
    if row.customer.as_ref().is_some_and(|customer| !customers::is_named(customer)) {
        let wanted = "one of externalId, name, organization and email must be there";
        return refuse("/customer/name", "REQUIRED", wanted);
    }
    if row.license.as_ref().is_some_and(|license| license.key.is_some() && license.key_sha256.is_some()) {
        return refuse("/license/keySha256", "INVALID", "give key or keySha256, not both");
    }
    Ok(row)
}
