//! The entries of a list as bytes: two bits each, the first in the lowest bits of the first byte.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use licentia_types::status_lists::StatusValue;

use super::places::ENTRIES;
use crate::failure::Failure;

/// Bits of an entry.
pub(super) const BITS: u8 = 2;
const PER_BYTE: u32 = 4;

/// All entries of a list; each begins valid.
pub(super) struct Entries(Vec<u8>);

impl Default for Entries {
    fn default() -> Self {
        Self(vec![StatusValue::Valid.bits(); ENTRIES / 4])
    }
}

impl Entries {
    /// Sets an entry that was not set yet.
    pub(super) fn set(&mut self, idx: u32, value: StatusValue) {
        let at = usize::try_from(idx / PER_BYTE).unwrap_or(usize::MAX);
        if let Some(byte) = self.0.get_mut(at) {
            *byte |= value.bits() << (idx % PER_BYTE * u32::from(BITS));
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// base64url of the bytes in zlib's format (RFC 1950).
    pub(super) fn packed(&self) -> Result<String, Failure> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        let packed = encoder.write_all(&self.0).and_then(|()| encoder.finish());
        Ok(URL_SAFE_NO_PAD.encode(packed.map_err(|_| Failure::Corrupt("status list"))?))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn entries_stand_as_the_standard_says() {
        let mut entries = Entries::default();
        for (idx, value) in
            [(0, StatusValue::Invalid), (1, StatusValue::Suspended), (3, StatusValue::Invalid)]
        {
            entries.set(idx, value);
        }
        entries.set(131_071, StatusValue::Suspended);
        assert_eq!((entries.bytes().len(), entries.bytes()[0]), (32_768, 0b0100_1001));
        assert_eq!(entries.bytes().last(), Some(&0b1000_0000));
    }

    #[test]
    fn what_was_packed_is_the_same_again() {
        let mut entries = Entries::default();
        entries.set(77, StatusValue::Suspended);
        let packed = URL_SAFE_NO_PAD.decode(entries.packed().unwrap()).unwrap();
        assert!(packed.len() < 100);
        let mut bytes = Vec::new();
        flate2::read::ZlibDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, entries.bytes());
    }
}
