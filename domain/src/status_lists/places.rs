//! Which entry of which list a place is: a keyed permutation, so that neighbours in a list say
//! nothing of who was activated when.

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
const ROUNDS: usize = 8;
const VALUES: u32 = 16;

/// Entries of a list.
pub(super) const ENTRIES: usize = 1 << INDEX_BITS;

/// The number of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListNumber(i64);

/// The text is not the number of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the number of a list")]
pub struct ListNumberInvalid;

impl ListNumber {
    pub(super) const fn get(self) -> i64 {
        self.0
    }

    /// The list of a place.
    pub(super) const fn of_serial(serial: i64) -> Self {
        Self(serial >> INDEX_BITS)
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
/// of the server and the list's number. Its round functions are written out, 6 KB, so that a place is
/// found by looking up.
pub(crate) struct Shuffle {
    list: ListNumber,
    /// Of each round, the value for each half that goes in.
    rounds: Vec<Vec<u16>>,
}

impl Shuffle {
    pub(super) fn of(key: &DigestKey, list: ListNumber) -> Self {
        Self { list, rounds: (0..ROUNDS).map(|round| values(key, list, round)).collect() }
    }

    /// The place of an entry; none beyond the list's end.
    pub(super) fn serial(&self, idx: u32) -> Option<i64> {
        if idx > (LEFT << RIGHT_BITS | RIGHT) {
            return None;
        }
        let (first, _) = self.list.serials();
        let low = self.rounds.iter().enumerate().rev().fold(idx, turn);
        Some(first | i64::from(low))
    }

    /// The entry of a place of this list.
    pub(super) fn idx(&self, serial: i64) -> u32 {
        let low = u32::try_from(serial & i64::from(LEFT << RIGHT_BITS | RIGHT)).unwrap_or_default();
        self.rounds.iter().enumerate().fold(low, turn)
    }
}

impl fmt::Debug for Shuffle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shuffle").field("list", &self.list).finish_non_exhaustive()
    }
}

/// Whether a round changes the left half by the right one.
const fn turns_left(round: usize) -> bool {
    round.is_multiple_of(2)
}

/// One round changes one half by the other, and is its own inverse.
fn turn(index: u32, (round, values): (usize, &Vec<u16>)) -> u32 {
    let (left, right) = (index >> RIGHT_BITS, index & RIGHT);
    let value = |half| {
        let value = usize::try_from(half).ok().and_then(|half| values.get(half));
        u32::from(value.copied().unwrap_or_default())
    };
    if turns_left(round) {
        (left ^ value(right)) << RIGHT_BITS | right
    } else {
        left << RIGHT_BITS | right ^ value(left)
    }
}

/// The round function, written out. One digest gives sixteen values.
fn values(key: &DigestKey, list: ListNumber, round: usize) -> Vec<u16> {
    let (halves, mask) = if turns_left(round) { (RIGHT, LEFT) } else { (LEFT, RIGHT) };
    let mask = u16::try_from(mask).unwrap_or(u16::MAX);
    let digests = (0..=halves / VALUES).map(|block| {
        let mut input = list.get().to_be_bytes().to_vec();
        input.extend(u8::try_from(round));
        input.extend(block.to_be_bytes());
        key.digest("status-list-place", &input)
    });
    let pairs = |digest: [u8; 32]| {
        let (pairs, _) = digest.as_chunks::<2>();
        pairs.iter().map(|pair| u16::from_be_bytes(*pair) & mask).collect::<Vec<_>>()
    };
    digests.flat_map(pairs).collect()
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
            let shuffle = Shuffle::of(&key, list);
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
            let list = ListNumber::of_serial(serial);
            prop_assert_eq!(list.get(), serial >> 17);
            let shuffle = Shuffle::of(&key, list);
            prop_assert_eq!(shuffle.serial(shuffle.idx(serial)), Some(serial));
        }
    }

    #[test]
    fn the_order_is_another_one_for_each_secret_and_list() {
        let order = |secret: u8, list: i64| -> Vec<u32> {
            let key = DigestKey::from_bytes([secret; 32]);
            let shuffle = Shuffle::of(&key, ListNumber(list));
            (0..64).map(|serial| shuffle.idx(serial)).collect()
        };
        assert_eq!(order(1, 0), order(1, 0));
        assert_ne!(order(1, 0), order(2, 0));
        assert_ne!(order(1, 0), order(1, 1));
        assert!(order(1, 0).windows(2).any(|pair| pair[0] > pair[1]), "not in the order of the serials");
    }

    /// Places that were handed out stay where they are.
    #[test]
    fn the_order_of_a_secret_never_changes() {
        let shuffle = Shuffle::of(&DigestKey::from_bytes([7; 32]), ListNumber(5));
        let (first, _) = ListNumber(5).serials();
        let entries: Vec<_> = (0..4).map(|place| shuffle.idx(first + place)).collect();
        assert_eq!(entries, [105_485, 93_697, 41_876, 118_287]);
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
        let shuffle = Shuffle::of(&DigestKey::from_bytes([1; 32]), ListNumber(3));
        assert!(shuffle.serial(131_071).is_some());
        assert_eq!(shuffle.serial(131_072), None);
    }
}
