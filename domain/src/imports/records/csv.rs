//! CSV (RFC 4180): the first record is the head; every other becomes an object of texts by its names,
//! without its empty cells. Line ends may be `\n`; fields in quotes hold line ends and doubled quotes.

use serde_json::{Map, Value};

use super::{LONGEST, text};
use crate::imports::error::ImportError;

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// At the beginning of a field.
    #[default]
    Field,
    Plain,
    Quoted,
    /// After a quote in a quoted field: its end, or one of two.
    Quote,
}

#[derive(Default)]
pub(in crate::imports) struct Csv {
    state: State,
    field: Vec<u8>,
    record: Vec<String>,
    /// Bytes of the record so far.
    size: usize,
    head: Option<Vec<String>>,
    /// Records before this one, without the head.
    rows: i64,
}

impl Csv {
    pub(super) fn take(&mut self, bytes: &[u8], found: &mut Vec<String>) -> Result<(), ImportError> {
        for byte in bytes {
            self.step(*byte, found)?;
        }
        Ok(())
    }

    pub(super) fn end(&mut self, found: &mut Vec<String>) -> Result<(), ImportError> {
        if self.state == State::Quoted {
            return Err(self.wrong("a quote is never closed"));
        }
        self.end_record(found)
    }

    fn step(&mut self, byte: u8, found: &mut Vec<String>) -> Result<(), ImportError> {
        self.size += 1;
        if self.size > LONGEST {
            return Err(ImportError::RowTooLarge { row: self.row(), most: LONGEST });
        }
        match (self.state, byte) {
            // A mark of the encoding may stand before the very first quote.
            (State::Field | State::Plain, b'"')
                if self.field.is_empty() || self.field == *b"\xef\xbb\xbf" =>
            {
                self.field.clear();
                self.state = State::Quoted;
            }
            (State::Field | State::Plain, b'"') => return Err(self.wrong("a quote stands in a plain field")),
            (State::Quoted, b'"') => self.state = State::Quote,
            (State::Quote, b'"') => {
                self.field.push(b'"');
                self.state = State::Quoted;
            }
            (State::Quoted, byte) => self.field.push(byte),
            (_, b',') => self.end_field()?,
            (_, b'\n') => self.end_record(found)?,
            (_, b'\r') => {}
            (State::Quote, _) => return Err(self.wrong("something follows a closing quote")),
            (State::Field | State::Plain, byte) => {
                self.field.push(byte);
                self.state = State::Plain;
            }
        }
        Ok(())
    }

    fn end_field(&mut self) -> Result<(), ImportError> {
        let field = text(std::mem::take(&mut self.field), self.row())?;
        self.record.push(field);
        self.state = State::Field;
        Ok(())
    }

    fn end_record(&mut self, found: &mut Vec<String>) -> Result<(), ImportError> {
        let blank = self.record.is_empty() && self.field.is_empty();
        if !blank {
            self.end_field()?;
        }
        self.state = State::Field;
        self.size = 0;
        let record = std::mem::take(&mut self.record);
        if blank {
            return Ok(());
        }
        let Some(head) = &self.head else {
            self.head = Some(head_of(&record)?);
            return Ok(());
        };
        if record.len() > head.len() {
            return Err(self.wrong("it has more fields than the head"));
        }
        let cells = head.iter().zip(record).filter(|(_, cell)| !cell.is_empty());
        let cells: Map<String, Value> =
            cells.map(|(name, cell)| (name.clone(), Value::String(cell))).collect();
        self.rows += 1;
        found.push(Value::Object(cells).to_string());
        Ok(())
    }

    fn row(&self) -> i64 {
        if self.head.is_some() { self.rows + 1 } else { 0 }
    }

    fn wrong(&self, why: &'static str) -> ImportError {
        ImportError::Csv { row: self.row(), why }
    }
}

fn head_of(record: &[String]) -> Result<Vec<String>, ImportError> {
    let names: Vec<String> = record.iter().map(|name| name.trim().to_owned()).collect();
    let distinct: std::collections::BTreeSet<&String> =
        names.iter().filter(|name| !name.is_empty()).collect();
    if distinct.len() == names.len() {
        return Ok(names);
    }
    Err(ImportError::Csv { row: 0, why: "a column of the head has no name, or that of another one" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Result<Vec<String>, ImportError> {
        let (mut csv, mut found) = (Csv::default(), Vec::new());
        for piece in pieces {
            csv.take(piece, &mut found)?;
        }
        csv.end(&mut found)?;
        Ok(found)
    }

    #[test]
    fn records_are_the_same_wherever_the_stream_is_cut() {
        let whole = "\u{feff}\"a\",b\r\n1,\"x,\"\"y\"\"\nz\"\r\n\r\n,2\n\"é\",".as_bytes();
        let wanted = [r#"{"a":"1","b":"x,\"y\"\nz"}"#, r#"{"b":"2"}"#, r#"{"a":"é"}"#];
        for cut in 0..=whole.len() {
            let (one, two) = whole.split_at(cut);
            assert_eq!(read(&[one, two]).unwrap(), wanted, "{cut}");
        }
    }

    #[test]
    fn what_does_not_add_up_is_refused_with_its_row() {
        let refused = |text: &str| match read(&[text.as_bytes()]) {
            Err(ImportError::Csv { row, .. }) => row,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(refused("a,a\n"), 0);
        assert_eq!(refused("a,\n"), 0);
        assert_eq!(refused("a\n1\n2,3\n"), 2);
        assert_eq!(refused("a\n\"1"), 1);
        assert_eq!(refused("a\n\"1\"2\n"), 1);
        assert_eq!(refused("a\n1\"2\n"), 1);
    }

    #[test]
    fn a_record_has_an_end() {
        let long = format!("a\n\"{}", "x".repeat(LONGEST));
        assert!(matches!(read(&[long.as_bytes()]), Err(ImportError::RowTooLarge { row: 1, .. })));
    }
}
