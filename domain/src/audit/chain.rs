//! The chain over the audit log. Keyed: whoever can only write the database cannot make a link.
//!
//! A link is two digests, so that a check can tell an altered row from a broken chain: `row` covers
//! the row alone; `head` covers `row`, its place, and the `head` of the link before.

use licentia_crypto::digests::DigestKey;
use licentia_entity::{audit_event, audit_link};
use licentia_types::ids::AuditEventId;

use super::canonical;

/// Bytes of a digest.
const DIGEST: usize = 32;
/// What stands before the first link.
const NOTHING: [u8; DIGEST] = [0; DIGEST];

/// Makes links.
#[derive(Clone, Copy)]
pub(super) struct Chain<'a>(pub(super) &'a DigestKey);

/// Where the chain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// How many links there are.
    pub(super) position: i64,
    /// Covers all of them.
    pub(super) digest: [u8; DIGEST],
}

impl Head {
    /// Before the first link.
    pub(super) const NONE: Self = Self { position: 0, digest: NOTHING };
}

/// A stored link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Covers the row.
    pub(super) row: [u8; DIGEST],
    /// Covers the chain up to here.
    pub(super) head: [u8; DIGEST],
}

impl Link {
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (row, head) = bytes.split_at_checked(DIGEST)?;
        Some(Self { row: row.try_into().ok()?, head: head.try_into().ok()? })
    }

    fn to_bytes(self) -> Vec<u8> {
        [self.row, self.head].concat()
    }
}

impl Chain<'_> {
    /// Covers a row, or that there was none any more when its turn came.
    pub(super) fn row(self, id: AuditEventId, row: Option<&audit_event::Model>) -> [u8; DIGEST] {
        match row {
            Some(row) => self.0.digest("audit-row", &canonical::row(row)),
            None => self.0.digest("audit-row-lost", id.uuid().as_bytes()),
        }
    }

    /// Covers the chain up to the link at `position`.
    pub(super) fn head(
        self,
        before: &[u8; DIGEST],
        position: i64,
        id: AuditEventId,
        row: &[u8; DIGEST],
    ) -> [u8; DIGEST] {
        let place = position.to_be_bytes();
        self.0.digest("audit-link", &[&place[..], id.uuid().as_bytes(), row, before].concat())
    }

    /// The next link after `head`, for the row `id`.
    pub(super) fn next(
        self,
        head: &Head,
        id: AuditEventId,
        row: Option<&audit_event::Model>,
    ) -> (audit_link::Model, Head) {
        let position = head.position.saturating_add(1);
        let row = self.row(id, row);
        let digest = self.head(&head.digest, position, id, &row);
        let link = Link { row, head: digest }.to_bytes();
        (audit_link::Model { position, event_id: id, link }, Head { position, digest })
    }

    /// Covers how long the chain is.
    pub(super) fn length(self, head: &Head) -> [u8; DIGEST] {
        self.0.digest("audit-head", &[&head.position.to_be_bytes()[..], &head.digest].concat())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_link_covers_its_row_its_place_and_all_before() {
        let key = DigestKey::from_bytes([1; 32]);
        let chain = Chain(&key);
        let id = |n| AuditEventId::new(Uuid::from_u128(n));
        let (first, head) = chain.next(&Head::NONE, id(1), None);
        assert_eq!((first.position, head.position), (1, 1));
        let link = Link::from_bytes(&first.link).unwrap();
        assert_eq!(link.head, head.digest);
        assert_eq!(link.head, chain.head(&NOTHING, 1, id(1), &link.row));
        for other in [
            chain.head(&[1; DIGEST], 1, id(1), &link.row),
            chain.head(&NOTHING, 2, id(1), &link.row),
            chain.head(&NOTHING, 1, id(2), &link.row),
            chain.head(&NOTHING, 1, id(1), &[0; DIGEST]),
            Chain(&DigestKey::from_bytes([2; 32])).head(&NOTHING, 1, id(1), &link.row),
        ] {
            assert_ne!(other, link.head);
        }
    }

    #[test]
    fn what_is_no_link_is_none() {
        for length in [0, 31, 32, 63, 65] {
            assert!(Link::from_bytes(&vec![0; length]).is_none(), "{length}");
        }
    }
}
