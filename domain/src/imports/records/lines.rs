//! JSON lines: a record is a line; blank ones say nothing.

use super::{LONGEST, text};
use crate::imports::error::ImportError;

#[derive(Default)]
pub(in crate::imports) struct Lines {
    line: Vec<u8>,
    /// Records before this one.
    rows: i64,
}

impl Lines {
    pub(super) fn take(&mut self, bytes: &[u8], found: &mut Vec<String>) -> Result<(), ImportError> {
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, beyond) = rest.split_at(at);
            self.add(line)?;
            self.end(found)?;
            rest = beyond.get(1..).unwrap_or_default();
        }
        self.add(rest)
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), ImportError> {
        if self.line.len() + bytes.len() > LONGEST {
            return Err(ImportError::RowTooLarge { row: self.rows + 1, most: LONGEST });
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn end(&mut self, found: &mut Vec<String>) -> Result<(), ImportError> {
        let line = text(std::mem::take(&mut self.line), self.rows + 1)?;
        let line = line.trim();
        if !line.is_empty() {
            self.rows += 1;
            found.push(line.to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Result<Vec<String>, ImportError> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for piece in pieces {
            lines.take(piece, &mut found)?;
        }
        lines.end(&mut found)?;
        Ok(found)
    }

    #[test]
    fn lines_are_the_same_wherever_the_stream_is_cut() {
        let whole = "\u{feff}{\"a\":1}\r\n\n  \n{\"b\":\"é\"}\n{\"c\":3}".as_bytes();
        let wanted = ["{\"a\":1}", "{\"b\":\"é\"}", "{\"c\":3}"];
        for cut in 0..=whole.len() {
            let (one, two) = whole.split_at(cut);
            assert_eq!(read(&[one, two]).unwrap(), wanted);
        }
    }

    #[test]
    fn what_is_no_text_and_what_never_ends_is_refused() {
        assert!(matches!(read(&[b"{}\n", b"\xff\xfe"]), Err(ImportError::NotUtf8 { row: 2 })));
        let long = vec![b' '; LONGEST];
        assert!(read(&[&long]).unwrap().is_empty());
        assert!(matches!(read(&[&long, b"x"]), Err(ImportError::RowTooLarge { row: 1, .. })));
    }
}
