//! Codes for the day when an authenticator app is lost: 80 random bits, in four groups of four symbols of Crockford's
//! base32, to be written down and typed.

use crate::crockford;

/// Random bytes of a code.
pub const BYTES: usize = 10;
const SYMBOLS: usize = 16;
const GROUP: usize = 4;

/// The code, as it is shown.
#[must_use]
pub fn code(random: [u8; BYTES]) -> String {
    let mut text = String::with_capacity(SYMBOLS + SYMBOLS / GROUP);
    for (index, group) in crockford::groups(&random).enumerate() {
        if index > 0 && index % GROUP == 0 {
            text.push('-');
        }
        text.push(crockford::symbol(group));
    }
    text
}

/// The symbols of a code that somebody typed, the same for every spelling of it; none when it is no code.
#[must_use]
pub fn folded(typed: &str) -> Option<[u8; SYMBOLS]> {
    let symbols = typed.chars().filter(|symbol| !matches!(symbol, '-' | ' '));
    let values: Vec<u8> = symbols.take(SYMBOLS + 1).map(crockford::value).collect::<Option<_>>()?;
    values.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_four_groups_of_four() {
        assert_eq!(code([0xff; BYTES]), "ZZZZ-ZZZZ-ZZZZ-ZZZZ");
        assert_eq!(code([0; BYTES]), "0000-0000-0000-0000");
    }

    #[test]
    fn every_spelling_is_one_code() {
        let random = *b"0123456789";
        let shown = code(random);
        let symbols = folded(&shown);
        assert!(symbols.is_some());
        for typed in [shown.to_lowercase(), shown.replace('-', ""), shown.replace('-', " ")] {
            assert_eq!(folded(&typed), symbols, "{typed}");
        }
        assert_ne!(folded(&code(*b"0123456788")), symbols);
    }

    #[test]
    fn what_is_no_code_is_none() {
        for typed in ["", "ZZZZ-ZZZZ-ZZZZ-ZZZ", "ZZZZ-ZZZZ-ZZZZ-ZZZZZ", "ZZZZ-ZZZZ-ZZZZ-ZZZU", "ZZZZ.ZZZZ"] {
            assert_eq!(folded(typed), None, "{typed}");
        }
    }
}
