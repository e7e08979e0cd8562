//! How hard a key that someone chose is to guess: a careful estimate, not a proof.

use std::collections::BTreeMap;

/// Each symbol counts the logarithm of the alphabet that the key uses (lower case 26, upper case 26, digits 10, others
/// 33), the k-th time it appears a k-th of that. Hyphens and spaces only divide the key and count nothing.
pub(super) fn estimate(key: &str) -> u32 {
    let mut occurrences: BTreeMap<char, u32> = BTreeMap::new();
    for symbol in key.chars().filter(|symbol| !matches!(symbol, '-' | ' ')) {
        *occurrences.entry(symbol).or_default() += 1;
    }
    let uses = |class: fn(&char) -> bool| occurrences.keys().any(class);
    let alphabet: u128 = [
        (26, uses(char::is_ascii_lowercase)),
        (26, uses(char::is_ascii_uppercase)),
        (10, uses(char::is_ascii_digit)),
        (33, uses(|symbol| !symbol.is_ascii_alphanumeric())),
    ]
    .into_iter()
    .filter_map(|(size, used)| used.then_some(size))
    .sum();

    // Sixteenths, so that integers suffice: of a bit here (at most 95^16 < 2^128), of a symbol below.
    let bits_per_symbol = alphabet.pow(16).checked_ilog2().unwrap_or(0);
    let symbols: u32 = occurrences.into_values().flat_map(|count| (1..=count).map(|time| 16 / time)).sum();
    symbols * bits_per_symbol / (16 * 16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn random_keys_of_enough_length_reach_80_bits() {
        for strong in [
            "f47ac10b-58cc-4372-a567-0e02b2c3d479",
            "q7Zr2LmXw9TbKc4V",
            "8KJ2-M4QW-X9TB-7RCV-3HNP",
            "9f86d081884c7d659a2feaa0c55ad015",
        ] {
            assert!(estimate(strong) >= 80, "{strong}: {}", estimate(strong));
        }
    }

    #[test]
    fn short_and_repetitive_keys_do_not() {
        let repeated = "ab".repeat(256);
        let one = "a".repeat(512);
        for weak in
            ["password", "Company-2024", "123456789012345", "AAAA-BBBB-CCCC-DDDD-EEEE", &repeated, &one]
        {
            assert!(estimate(weak) < 80, "{weak}: {}", estimate(weak));
        }
        assert_eq!(estimate("--- ---- ---"), 0);
        assert_eq!(estimate(""), 0);
    }

    proptest! {
        #[test]
        fn a_longer_key_is_never_weaker(key in ".{0,100}", more in ".") {
            let longer = format!("{key}{more}");
            prop_assert!(estimate(&longer) >= estimate(&key));
        }
    }
}
