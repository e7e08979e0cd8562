//! Who signs when: pure functions of the rows of one purpose and the present instant.
//!
//! A row holds times that are written in advance, so that every instance changes over at the same
//! instant by its own clock. Only retiring and revoking are written when they happen.

use licentia_entity::signing_key::{Model, Purpose};
use licentia_types::signing_keys::SigningKeyState;
use licentia_types::time::{Seconds, Timestamp};

/// How much longer than the key set is cached a key waits before it signs: verifiers' own clocks,
/// and those that fetch again no more than twice a minute.
const CAUTION: Seconds = Seconds::constant(60);
/// How long after its last token, and after another key took over, a key leaves the key set:
/// clocks that disagree by a minute, and instances that have not looked for one.
const AFTERMATH: Seconds = Seconds::constant(120);

/// What a key is good for at `now`.
pub(crate) fn state(row: &Model, now: Timestamp) -> SigningKeyState {
    if row.revoked_at.is_some() {
        SigningKeyState::Revoked
    } else if row.retired_at.is_some() {
        SigningKeyState::Retired
    } else if row.active_from.is_none_or(|from| now < from) {
        SigningKeyState::Pending
    } else if row.retiring_from.is_none_or(|from| now < from) {
        SigningKeyState::Active
    } else {
        SigningKeyState::Retiring
    }
}

/// Whether it is still good for anything.
pub(super) const fn is_live(row: &Model) -> bool {
    row.revoked_at.is_none() && row.retired_at.is_none()
}

/// Whether everybody may fetch it. Sessions are verified by nobody but the server.
pub(super) fn is_published(row: &Model) -> bool {
    is_live(row) && row.purpose != Purpose::Session
}

/// The key that signs at `now`: of those whose time has come, the one whose came last. A clock
/// that is behind the first of them takes that one: there is always somebody who signs.
pub(super) fn signer<'a>(rows: impl Iterator<Item = &'a Model> + Clone, now: Timestamp) -> Option<&'a Model> {
    let ever = |row: &Model, from| row.retiring_from.is_none_or(|to| from < to);
    let due = rows
        .filter(|row| is_live(row))
        .filter_map(move |row| row.active_from.filter(|from| ever(row, *from)).map(|from| (from, row)));
    let latest = due.clone().filter(|(from, _)| *from <= now).max_by_key(|(from, _)| *from);
    latest.or_else(|| due.min_by_key(|(from, _)| *from)).map(|(_, row)| row)
}

/// The key that waits for the next rotation.
pub(super) fn waiting(rows: &[Model]) -> Option<&Model> {
    rows.iter().find(|row| row.active_from.is_none() && is_live(row))
}

/// The key that signs and goes on, or, while a rotation has not taken effect, the one that will.
pub(super) fn newest(rows: &[Model]) -> Option<&Model> {
    rows.iter().find(|row| row.active_from.is_some() && row.retiring_from.is_none() && is_live(row))
}

/// One key takes over from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Takeover {
    /// Signs until then.
    pub(super) from: Option<String>,
    /// Signs from then on.
    pub(super) to: String,
    /// When.
    pub(super) at: Timestamp,
}

/// Why no key takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocked {
    /// A key is about to do so already, at this instant.
    Underway(Timestamp),
    /// None waits.
    NothingWaits,
}

/// Lets the waiting key take over: at once if every verifier has had the time to fetch it.
pub(super) fn takeover(rows: &[Model], now: Timestamp, max_age: Seconds) -> Result<Takeover, Blocked> {
    let newest = newest(rows);
    if let Some(from) = newest.and_then(|row| row.active_from).filter(|from| now < *from) {
        return Err(Blocked::Underway(from));
    }
    let next = waiting(rows).ok_or(Blocked::NothingWaits)?;
    Ok(Takeover {
        from: newest.map(|row| row.kid.clone()),
        to: next.kid.clone(),
        at: now.max(next.published_at + max_age + CAUTION),
    })
}

/// Whether the key that signs has done so for long enough; none: for ever.
pub(super) fn is_due(rows: &[Model], now: Timestamp, every: Option<Seconds>) -> bool {
    let since = newest(rows).and_then(|row| row.active_from);
    every.zip(since).is_some_and(|(every, since)| since + every <= now)
}

/// When a key that another one took over from may leave the key set; none: nobody took over.
pub(super) fn retirable_from(row: &Model) -> Option<Timestamp> {
    row.retiring_from.filter(|_| is_live(row)).map(|from| from.max(row.signs_until) + AFTERMATH)
}

/// What becomes of the others when one key is revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Succession {
    /// Signs from now on.
    pub(super) signs: Option<String>,
    /// Was to be taken over by the revoked key, and goes on instead.
    pub(super) goes_on: Option<String>,
}

/// Who signs once `revoked` does not.
pub(super) fn succession(rows: &[Model], revoked: &Model, now: Timestamp) -> Succession {
    let others = || rows.iter().filter(|row| row.kid != revoked.kid && is_live(row));
    let kid = |row: Option<&Model>| row.map(|row| row.kid.clone());
    match (state(revoked, now), revoked.active_from) {
        // It was about to sign: whom it would have taken over from goes on.
        (SigningKeyState::Pending, Some(from)) => {
            let former = kid(others().find(|row| row.retiring_from == Some(from)));
            let signs = if former.is_none() { kid(waiting(rows)) } else { None };
            Succession { signs, goes_on: former }
        }
        (SigningKeyState::Active, _) => {
            let next = others().find(|row| row.active_from.is_some() && row.retiring_from.is_none());
            Succession { signs: kid(next.or_else(|| waiting(rows))), goes_on: None }
        }
        _ => Succession::default(),
    }
}

#[cfg(test)]
mod tests;
