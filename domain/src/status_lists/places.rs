//! Which entry of which list a place is: a keyed permutation, so that neighbours in a list say
//! nothing of who was activated when.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use licentia_crypto::digests::DigestKey;

/// Bits of a place within its list: a list has 131,072 entries.
const INDEX_BITS: u32 = 17;
/// Bits of the right half of an index; the left one has one less.
const RIGHT_BITS: u32 = 9;
const RIGHT: u32 = (1 << RIGHT_BITS) - 1;
const LEFT: u32 = (1 << (INDEX_BITS - RIGHT_BITS)) - 1;
/// Round functions, of which one digest gives sixteen values.
const ROUNDS: u8 = 8;
const VALUES: u32 = 16;

/// Entries of a list.
pub(super) const ENTRIES: usize = 1 << INDEX_BITS;

/// The number of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListNumber(i64);

/// The text is not the number of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the number of a list")]
pub struct ListNumberInvalid;

impl ListNumber {
    pub(super) const fn get(self) -> i64 {
        self.0
    }

    /// The serials of its places: from the first, to before the second.
    pub(super) const fn serials(self) -> (i64, i64) {
        (self.0 << INDEX_BITS, (self.0 + 1) << INDEX_BITS)
    }
}

impl fmt::Display for ListNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ListNumber {
    type Err = ListNumberInvalid;

    /// Decimal digits without a zero in front, so that a list has one address.
    fn from_str(text: &str) -> Result<Self, ListNumberInvalid> {
        let plain = text == "0" || text.starts_with(|first: char| matches!(first, '1'..='9'));
        let number = text.parse::<i64>().ok().filter(|number| plain && *number < i64::MAX >> INDEX_BITS);
        number.map(Self).ok_or(ListNumberInvalid)
    }
}

/// The order of one list: a Feistel network over halves of eight and nine bits, keyed by a secret
/// of the server and the list's number.
pub(super) struct Shuffle<'a> {
    key: &'a DigestKey,
    list: ListNumber,
    /// Values of the round functions that were needed so far.
    values: HashMap<(u8, u32), [u8; 32]>,
}

impl<'a> Shuffle<'a> {
    pub(super) fn of(key: &'a DigestKey, list: ListNumber) -> Self {
        Self { key, list, values: HashMap::new() }
    }

    /// List and entry of a place.
    pub(super) fn place(key: &'a DigestKey, serial: i64) -> (ListNumber, u32) {
        let list = ListNumber(serial >> INDEX_BITS);
        (list, Self::of(key, list).idx(serial))
    }

    /// The place of an entry; none beyond the list's end.
    pub(super) fn serial(key: &'a DigestKey, list: ListNumber, idx: u32) -> Option<i64> {
        if idx > (LEFT << RIGHT_BITS | RIGHT) {
            return None;
        }
        let (first, _) = list.serials();
        Some(first | i64::from(Self::of(key, list).back(idx)))
    }

    /// The entry of a place of this list.
    pub(super) fn idx(&mut self, serial: i64) -> u32 {
        let low = u32::try_from(serial & i64::from(LEFT << RIGHT_BITS | RIGHT)).unwrap_or_default();
        (0..ROUNDS).fold(low, |index, round| self.turn(index, round))
    }

    fn back(mut self, idx: u32) -> u32 {
        (0..ROUNDS).rev().fold(idx, |index, round| self.turn(index, round))
    }

    /// One round changes one half by the other, and is its own inverse.
    fn turn(&mut self, index: u32, round: u8) -> u32 {
        let (left, right) = (index >> RIGHT_BITS, index & RIGHT);
        if round.is_multiple_of(2) {
            (left ^ self.value(round, right) & LEFT) << RIGHT_BITS | right
        } else {
            left << RIGHT_BITS | right ^ self.value(round, left) & RIGHT
        }
    }

    fn value(&mut self, round: u8, half: u32) -> u32 {
        let block = half / VALUES;
        let (key, list) = (self.key, self.list);
        let values = self.values.entry((round, block)).or_insert_with(|| {
            let mut input = list.get().to_be_bytes().to_vec();
            input.push(round);
            input.extend(block.to_be_bytes());
            key.digest("status-list-place", &input)
        });
        let at = usize::try_from(half % VALUES).unwrap_or_default();
        values
            .chunks_exact(2)
            .nth(at)
            .map_or(0, |pair| pair.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]

        #[test]
        fn every_place_of_a_list_has_an_entry_of_its_own(secret in any::<[u8; 32]>(), list in 0_i64..1 << 40) {
            let (key, list) = (DigestKey::from_bytes(secret), ListNumber(list));
            let mut shuffle = Shuffle::of(&key, list);
            let mut taken = vec![false; ENTRIES];
            let (first, beyond) = list.serials();
            for serial in first..beyond {
                let entry = usize::try_from(shuffle.idx(serial)).unwrap();
                prop_assert!(!std::mem::replace(&mut taken[entry], true), "{} twice", entry);
            }
            prop_assert!(taken.into_iter().all(|taken| taken));
        }
    }

    proptest! {
        #[test]
        fn an_entry_leads_back_to_its_place(secret in any::<[u8; 32]>(), serial in 0_i64..1 << 57) {
            let key = DigestKey::from_bytes(secret);
            let (list, idx) = Shuffle::place(&key, serial);
            prop_assert_eq!(list.get(), serial >> 17);
            prop_assert_eq!(Shuffle::serial(&key, list, idx), Some(serial));
        }
    }

    #[test]
    fn the_order_is_another_one_for_each_secret_and_list() {
        let order = |secret: u8, list: i64| -> Vec<u32> {
            let key = DigestKey::from_bytes([secret; 32]);
            let mut shuffle = Shuffle::of(&key, ListNumber(list));
            (0..64).map(|serial| shuffle.idx(serial)).collect()
        };
        assert_eq!(order(1, 0), order(1, 0));
        assert_ne!(order(1, 0), order(2, 0));
        assert_ne!(order(1, 0), order(1, 1));
        assert!(order(1, 0).windows(2).any(|pair| pair[0] > pair[1]), "not in the order of the serials");
    }

    #[test]
    fn a_list_has_one_address() {
        for (text, number) in [("0", 0), ("7", 7), ("1234", 1234)] {
            assert_eq!(text.parse(), Ok(ListNumber(number)));
            assert_eq!(ListNumber(number).to_string(), text);
        }
        for other in [
            "",
            "00",
            "01",
            "+1",
            "-1",
            "1e3",
            "1 ",
            "0x1",
            "٣",
            "9223372036854775807",
            "99999999999999999999",
        ] {
            assert_eq!(other.parse::<ListNumber>(), Err(ListNumberInvalid), "{other}");
        }
    }

    #[test]
    fn beyond_the_end_there_is_no_place() {
        let key = DigestKey::from_bytes([1; 32]);
        assert!(Shuffle::serial(&key, ListNumber(3), 131_071).is_some());
        assert_eq!(Shuffle::serial(&key, ListNumber(3), 131_072), None);
    }
}
