//! A stream of bytes as records, each a line of JSON: those of JSON lines as they are, those of CSV
//! (RFC 4180) as objects by the names in its head. No more than one record is held.

mod csv;
mod lines;

use csv::Csv;
use lines::Lines;

use super::error::ImportError;
use super::upload::Format;

/// Longest record, in bytes.
pub(super) const LONGEST: usize = 65_536;

/// Takes bytes as they come.
pub(super) enum Records {
    Lines(Lines),
    Csv(Csv),
}

impl Records {
    pub(super) fn of(format: Format) -> Self {
        match format {
            Format::JsonLines => Self::Lines(Lines::default()),
            Format::Csv => Self::Csv(Csv::default()),
        }
    }

    /// Hands every record to `found` that ends in these bytes.
    pub(super) fn take(&mut self, bytes: &[u8], found: &mut Vec<String>) -> Result<(), ImportError> {
        match self {
            Self::Lines(lines) => lines.take(bytes, found),
            Self::Csv(csv) => csv.take(bytes, found),
        }
    }

    /// The last one, which may have no line end.
    pub(super) fn end(&mut self, found: &mut Vec<String>) -> Result<(), ImportError> {
        match self {
            Self::Lines(lines) => lines.end(found),
            Self::Csv(csv) => csv.end(found),
        }
    }
}

/// Text without the mark that some programs put at the beginning of a file.
fn text(bytes: Vec<u8>, row: i64) -> Result<String, ImportError> {
    let text = String::from_utf8(bytes).map_err(|_| ImportError::NotUtf8 { row })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
