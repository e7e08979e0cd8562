//! When a letter is tried, and when no more.

use licentia_types::time::Seconds;

use super::Template;
use crate::accounts::{CODE_LIFE, REGISTRATION_LIFE};
use crate::one_time_tokens::{HANDED_OVER, MAILED};

/// After the first try.
const FIRST_PAUSE: i64 = 60;
const LONGEST_PAUSE: i64 = 3_600;
/// After the first time that nobody was there to take letters.
const FIRST_SILENCE: i64 = 10;
const LONGEST_SILENCE: i64 = 300;

/// How long a letter is worth being sent in which nothing ends.
const NEWS: Seconds = Seconds::constant(3 * 86_400);
const A_TEST: Seconds = Seconds::constant(3_600);

/// How long after it was written a letter is worth being sent.
pub(super) fn worth_for(template: Template) -> Seconds {
    let otherwise = if template == Template::Test { A_TEST } else { NEWS };
    secret_for(template).unwrap_or(otherwise)
}

/// How long what stands in a letter is good, from when it was written: a code that is over helps nobody.
pub(super) const fn secret_for(template: Template) -> Option<Seconds> {
    match template {
        Template::SignInCode => Some(CODE_LIFE),
        Template::MailConfirmation => Some(REGISTRATION_LIFE),
        Template::PasswordReset | Template::AdminPasswordForgotten => Some(MAILED),
        Template::AdminInvited | Template::AdminPasswordReset => Some(HANDED_OVER),
        Template::Test
        | Template::ClaimNoticed
        | Template::LicenseIssued
        | Template::LicenseExpiring
        | Template::LicenseExpired
        | Template::LicenseRevoked
        | Template::SeatsFull
        | Template::CloneSuspected
        | Template::MachineWaiting => None,
    }
}

/// Whether somebody sits and waits for a letter: what stands in it is good for a while only. However many others are due,
/// it goes before them.
pub(super) const fn is_urgent(template: Template) -> bool {
    secret_for(template).is_some()
}

/// How long a letter rests that was not taken, after so many tries: twice as long each time, up to an hour.
pub(super) fn pause(attempts: i32) -> Seconds {
    doubled(FIRST_PAUSE, attempts, LONGEST_PAUSE)
}

/// How long nobody is bothered who could not be reached, after so many tries: twice as long each time, up to five
/// minutes.
pub(super) fn silence(attempts: i32) -> Seconds {
    doubled(FIRST_SILENCE, attempts, LONGEST_SILENCE)
}

fn doubled(first: i64, times: i32, most: i64) -> Seconds {
    let doublings = u32::try_from(times.saturating_sub(1)).unwrap_or(0).min(20);
    let seconds = first.saturating_mul(1_i64 << doublings).min(most);
    Seconds::try_from(seconds).unwrap_or(Seconds::constant(3_600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_worth_as_long_as_what_stands_in_it_is_good() {
        let worth = |template| worth_for(template).get();
        assert_eq!(worth(Template::SignInCode), 600);
        for template in
            [Template::MailConfirmation, Template::PasswordReset, Template::AdminPasswordForgotten]
        {
            assert_eq!(worth(template), 3_600);
        }
        assert_eq!(worth(Template::AdminInvited), 86_400);
        assert_eq!((worth(Template::LicenseIssued), worth(Template::Test)), (3 * 86_400, 3_600));
    }

    #[test]
    fn what_somebody_waits_for_goes_first() {
        let urgent = Template::ALL.iter().copied().filter(|template| is_urgent(*template));
        let expected = [
            Template::MailConfirmation,
            Template::SignInCode,
            Template::PasswordReset,
            Template::AdminInvited,
            Template::AdminPasswordReset,
            Template::AdminPasswordForgotten,
        ];
        assert_eq!(urgent.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn pauses_double_and_end_at_an_hour() {
        let pauses: Vec<i64> = (1..=8).map(|attempts| pause(attempts).get()).collect();
        assert_eq!(pauses, [60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
        assert_eq!(pause(i32::MAX).get(), 3_600);
        assert_eq!(pause(0).get(), 60);
    }

    #[test]
    fn nobody_is_bothered_more_often_the_longer_he_is_away() {
        let silences: Vec<i64> = (1..=7).map(|attempts| silence(attempts).get()).collect();
        assert_eq!(silences, [10, 20, 40, 80, 160, 300, 300]);
    }
}
