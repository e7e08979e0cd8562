//! Lines of CSV (RFC 4180), for spreadsheets and other systems.

/// Makes harmless what a spreadsheet would take for a formula: it gets an apostrophe before it.
pub(crate) fn disarm(cell: &mut String) {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        cell.insert(0, '\'');
    }
}

/// Adds a line of these cells.
pub(crate) fn line(lines: &mut String, cells: impl Iterator<Item = String>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            lines.push(',');
        }
        if cell.contains(['"', ',', '\n', '\r', ';', '\t', '\'']) || cell.trim() != cell {
            lines.push('"');
            lines.push_str(&cell.replace('"', "\"\""));
            lines.push('"');
        } else {
            lines.push_str(&cell);
        }
    }
    lines.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_made_harmless() {
        for formula in ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"] {
            let mut cell = formula.to_owned();
            disarm(&mut cell);
            assert_eq!(cell, format!("'{formula}"));
        }
        for plain in ["", "a=b", "1-2", "ann@example.com"] {
            let mut cell = plain.to_owned();
            disarm(&mut cell);
            assert_eq!(cell, plain);
        }
    }

    #[test]
    fn cells_that_need_quotes_have_them() {
        let mut lines = String::new();
        line(&mut lines, ["a", "b,c", "d\"e", "f\ng", " h"].into_iter().map(str::to_owned));
        assert_eq!(lines, "a,\"b,c\",\"d\"\"e\",\"f\ng\",\" h\"\r\n");
    }
}
