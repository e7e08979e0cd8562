//! Crockford's base32: 32 symbols a person can read aloud, without I, L, O and U.

const ALPHABET: [u8; 32] = *b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The symbol of a five-bit value; higher bits are ignored.
pub(crate) fn symbol(value: u8) -> char {
    #[expect(clippy::indexing_slicing, reason = "five bits index 32 symbols")]
    let symbol = ALPHABET[usize::from(value & 0x1f)];
    char::from(symbol)
}

/// The value of a typed symbol: either case, O read as 0, I and L as 1. `U` and everything else have none.
pub(crate) fn value(symbol: char) -> Option<u8> {
    let folded = match symbol.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    (0..).zip(ALPHABET).find_map(|(value, symbol)| (char::from(symbol) == folded).then_some(value))
}

/// The bytes in groups of five bits, most significant first; the last group is filled with zero bits.
pub(crate) fn groups(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let bit = |index: usize| bytes.get(index / 8).map_or(0, |byte| byte >> (7 - index % 8) & 1);
    (0..(bytes.len() * 8).div_ceil(5))
        .map(move |group| (0..5).fold(0, |value, offset| value << 1 | bit(group * 5 + offset)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_one_symbol_and_back() {
        for expected in 0..32 {
            assert_eq!(value(symbol(expected)), Some(expected));
            assert_eq!(value(symbol(expected).to_ascii_lowercase()), Some(expected));
        }
    }

    #[test]
    fn lookalikes_fold_and_u_is_no_symbol() {
        assert_eq!([value('o'), value('O')], [Some(0); 2]);
        assert_eq!([value('i'), value('I'), value('l'), value('L')], [Some(1); 4]);
        for stranger in ['u', 'U', '-', ' ', 'Ä', '०'] {
            assert_eq!(value(stranger), None);
        }
    }

    #[test]
    fn groups_are_five_bits_each_and_filled_with_zeros() {
        assert_eq!(groups(&[0b1111_1000, 0b0100_0000]).collect::<Vec<_>>(), [31, 1, 0, 0]);
        assert_eq!(groups(&[0xff; 15]).collect::<Vec<_>>(), [31; 24]);
        assert_eq!(groups(&[0; 32]).count(), 52);
    }
}
