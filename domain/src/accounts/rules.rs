//! Addresses as they are compared, and how long what is shown counts. Pure functions.

use licentia_types::text::Email;
use licentia_types::time::{Seconds, Timestamp};

use crate::actors::Caller;

/// How long a sign-in is recent.
const RECENT: Seconds = Seconds::constant(15 * 60);
/// How long a code that was sent is good.
pub(crate) const CODE_LIFE: Seconds = Seconds::constant(10 * 60);
/// How long the token of a registration is good.
pub(crate) const REGISTRATION_LIFE: Seconds = Seconds::constant(3_600);
/// No second letter of a kind goes to an address sooner.
pub(super) const BETWEEN_LETTERS: Seconds = Seconds::constant(60);
/// Wrong codes after which one is not looked at any more.
pub(super) const MOST_FAILURES: i32 = 5;
/// Wrong codes, of however many letters and with right ones between them, after which no code is: only a password that is
/// set by a letter, or time, lets codes be looked at again.
pub(super) const MOST_FAILURES_IN_ROW: i32 = 20;
/// All that is kept about somebody is gathered from everywhere: not as often as he likes.
const BETWEEN_EXPORTS: Seconds = Seconds::constant(3_600);
/// How long wrong codes are remembered.
const REMEMBERED: Seconds = Seconds::constant(30 * 86_400);

/// Who may register by himself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Everybody who has an address.
    Open,
    /// Whom the vendor made a customer with that address.
    Invited,
    /// Nobody.
    Off,
}

/// An address as it is compared: nobody is two by his capitals. Only those of ASCII: other letters that look alike, or
/// whose small form is another one's, are other addresses, and may be somebody else's.
pub(crate) fn folded(email: &Email) -> String {
    email.as_str().to_ascii_lowercase()
}

/// Rows made before have nothing to say any more.
pub(crate) fn forget_asked_before(now: Timestamp) -> Timestamp {
    now - REMEMBERED
}

/// First instant at which a sign-in is recent no more.
pub(super) fn recent_until(since: Timestamp) -> Timestamp {
    since + RECENT
}

/// Whoever finds a browser open may look, and not more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this needs a sign-in of the last {} minutes: sign in again", RECENT.get() / 60)]
pub struct NotRecent;

/// Only a customer who signed in a short while ago.
pub(crate) fn expect_recent(caller: &Caller, now: Timestamp) -> Result<(), NotRecent> {
    let since = super::signed_in(caller).map(|(_, since)| since);
    if since.is_some_and(|since| now < recent_until(since)) { Ok(()) } else { Err(NotRecent) }
}

/// How long somebody has to wait who was given all that is kept about him at `last`; none: it is time.
pub(super) fn export_wait(last: Option<Timestamp>, now: Timestamp) -> Option<Seconds> {
    let last = last.filter(|last| *last <= now)?;
    let left = (last + BETWEEN_EXPORTS).micros().saturating_sub(now.micros());
    // Rounded up: whoever waits so long has waited long enough.
    let seconds = left.saturating_add(999_999).div_euclid(1_000_000);
    (left > 0).then(|| Seconds::try_from(seconds).unwrap_or(BETWEEN_EXPORTS))
}

/// Whether the letter before, of `at`, was sent so lately that none follows yet. A clock that went back delays nothing.
pub(super) fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now < at + BETWEEN_LETTERS
}

#[cfg(test)]
mod tests {
    use licentia_types::ids::{CustomerId, SessionId};
    use uuid::Uuid;

    use super::*;
    use crate::actors::{Actor, Person};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    #[test]
    fn letters_that_look_alike_are_other_addresses() {
        let folded = |text: &str| folded(&text.parse().unwrap());
        assert_eq!(folded("Kate@Example.COM"), "kate@example.com");
        // The Kelvin sign, whose small form is k.
        assert_ne!(folded("\u{212a}ate@example.com"), "kate@example.com");
        assert_ne!(folded("kate@example.com"), folded("katе@example.com"));
    }

    #[test]
    fn a_sign_in_is_recent_for_a_quarter_of_an_hour_and_only_a_customers() {
        let who = Person::Customer(CustomerId::new(Uuid::nil()));
        let by = |actor: Actor| Caller::operator().acting_as(actor);
        let customer = by(who.in_session(SessionId::new(Uuid::nil()), at(0)));
        assert_eq!(expect_recent(&customer, at(899)), Ok(()));
        assert_eq!(expect_recent(&customer, at(900)), Err(NotRecent));
        assert_eq!(expect_recent(&by(Actor::Anonymous), at(0)), Err(NotRecent));
    }

    #[test]
    fn all_that_is_kept_is_given_once_an_hour() {
        let wait = |last, now| export_wait(last, now).map(Seconds::get);
        assert_eq!(wait(None, at(0)), None);
        assert_eq!((wait(Some(at(0)), at(0)), wait(Some(at(0)), at(3_599))), (Some(3_600), Some(1)));
        assert_eq!((wait(Some(at(0)), at(3_600)), wait(Some(at(5)), at(0))), (None, None));
        let just_before = Timestamp::from_micros(at(3_600).micros() - 1);
        assert_eq!(wait(Some(at(0)), just_before), Some(1));
    }

    #[test]
    fn no_second_letter_follows_within_a_minute() {
        assert!(is_fresh(at(0), at(0)) && is_fresh(at(0), at(59)));
        assert!(!is_fresh(at(0), at(60)) && !is_fresh(at(5), at(0)));
    }
}
