//! The check symbol: a weighted sum over GF(32) that is zero for a valid key.
//!
//! Symbol `i` of `n` weighs `α^(n-1-i)`, where α = x is a primitive element modulo x⁵ + x² + 1. Its powers up to α³⁰
//! are distinct and not zero, so in up to 31 symbols any single substitution (difference × weight) and any exchange of
//! two symbols (difference × difference of weights) leaves a sum that is not zero.

/// The check symbol to put behind these values.
pub(super) fn of(values: impl Iterator<Item = u8>) -> u8 {
    times_alpha(weighted_sum(values))
}

/// Whether these values, the last of them the check symbol, belong together.
pub(super) fn holds(values: impl Iterator<Item = u8>) -> bool {
    weighted_sum(values) == 0
}

/// Horner's scheme: the last value weighs one, each before it α times its successor.
fn weighted_sum(values: impl Iterator<Item = u8>) -> u8 {
    values.fold(0, |sum, value| times_alpha(sum) ^ value)
}

fn times_alpha(value: u8) -> u8 {
    let shifted = value << 1;
    if shifted & 0b10_0000 == 0 { shifted } else { shifted ^ 0b10_0101 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with_check(values: &[u8]) -> Vec<u8> {
        let mut all = values.to_vec();
        all.push(of(values.iter().copied()));
        all
    }

    fn good(values: &[u8]) -> bool {
        holds(values.iter().copied())
    }

    #[test]
    fn alpha_is_primitive() {
        let powers: std::collections::BTreeSet<_> =
            std::iter::successors(Some(1), |power| Some(times_alpha(*power))).take(31).collect();
        assert_eq!(powers.len(), 31);
        assert!(!powers.contains(&0));
    }

    /// The sum is linear, so what holds for errors in the key of zeros holds for every key.
    #[test]
    fn every_error_in_one_symbol_and_every_exchange_of_two_shows() {
        for position in 0..25 {
            for error in 1..32 {
                let mut key = [0; 25];
                key[position] = error;
                assert!(!good(&key));
                for other in (0..25).filter(|other| *other != position) {
                    let mut exchange = key;
                    exchange[other] = error;
                    assert!(!good(&exchange));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn substitutions_and_exchanges_show_in_any_key(values in prop::collection::vec(0u8..32, 24)) {
            let key = with_check(&values);
            prop_assert!(good(&key));
            for position in 0..25 {
                for value in 0..32 {
                    let mut wrong = key.clone();
                    wrong[position] = value;
                    prop_assert_eq!(good(&wrong), value == key[position]);
                }
                for other in 0..25 {
                    let mut wrong = key.clone();
                    wrong.swap(position, other);
                    prop_assert_eq!(good(&wrong), key[position] == key[other]);
                }
            }
        }
    }
}
