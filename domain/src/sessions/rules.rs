//! How long a session goes on, and what the cookie is worth that would renew it. Pure functions.

use licentia_entity::session::Model;
use licentia_types::sessions::SessionResponse;
use licentia_types::time::{Seconds, Timestamp};

use crate::actors::Person;
use crate::context::SessionTimes;
use licentia_types::ids::{AdminId, SessionId};

/// How long the cookie before the present one gives the present one again: two tabs renew at once, and each is
/// answered.
const TWO_TABS: Seconds = Seconds::constant(10);

/// What a cookie is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    /// The present one: the next one takes its place.
    Present,
    /// The one before, a moment ago: the present one is given again.
    Before,
    /// Used before: somebody has a copy.
    Used,
}

/// Whose a session is.
pub(super) fn person(session: &Model) -> Option<Person> {
    session.admin_id.map(Person::Admin).or(session.customer_id.map(Person::Customer))
}

/// First instant at which the session is over, unless it is renewed before.
pub(super) fn ends(session: &Model, times: &SessionTimes) -> Timestamp {
    session.ends_at.min(session.refreshed_at + times.idle)
}

/// Judges the cookie of this generation.
pub(super) fn judge(session: &Model, generation: i64, now: Timestamp) -> Cookie {
    if generation == session.generation {
        Cookie::Present
    } else if generation == session.generation - 1 && now < session.refreshed_at + TWO_TABS {
        Cookie::Before
    } else {
        Cookie::Used
    }
}

/// An admin's session as the API shows it.
pub(super) fn render(
    (session, admin_id): (Model, AdminId),
    times: &SessionTimes,
    asking: Option<SessionId>,
) -> SessionResponse {
    SessionResponse {
        expires_at: ends(&session, times),
        current: asking == Some(session.id),
        id: session.id,
        admin_id,
        created_at: session.created_at,
        refreshed_at: session.refreshed_at,
        ip: session.ip,
        user_agent: session.user_agent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000;

    fn session() -> Model {
        Model {
            id: SessionId::new(uuid::Uuid::nil()),
            admin_id: Some(AdminId::new(uuid::Uuid::nil())),
            customer_id: None,
            generation: 7,
            created_at: Timestamp::from_seconds(NOW - 500),
            refreshed_at: Timestamp::from_seconds(NOW),
            ends_at: Timestamp::from_seconds(NOW + 5_000),
            ip: None,
            user_agent: None,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(NOW + seconds)
    }

    #[test]
    fn the_cookie_before_is_good_for_ten_seconds_and_any_other_is_a_copy() {
        for (generation, seconds, worth) in [
            (7, 0, Cookie::Present),
            (7, 900, Cookie::Present),
            (6, 0, Cookie::Before),
            (6, 9, Cookie::Before),
            (6, 10, Cookie::Used),
            (5, 0, Cookie::Used),
            (8, 0, Cookie::Used),
        ] {
            assert_eq!(judge(&session(), generation, at(seconds)), worth, "{generation} after {seconds} s");
        }
    }

    #[test]
    fn a_session_ends_when_nobody_renews_it_and_at_its_end_in_any_case() {
        let times = |idle| SessionTimes {
            access_ttl: Seconds::constant(300),
            idle: Seconds::constant(idle),
            lifetime: Seconds::constant(5_500),
        };
        assert_eq!(ends(&session(), &times(600)), at(600));
        assert_eq!(ends(&session(), &times(6_000)), at(5_000));
    }
}
