//! Which passwords are taken: long ones that nobody guesses. What kinds of characters they have is no matter.

use licentia_crypto::passwords::normalised;
use licentia_types::admins::{LONGEST_PASSWORD, SHORTEST_PASSWORD};
use licentia_types::problems::FieldProblem;
use zxcvbn::{Score, zxcvbn};

/// Fewer guesses than 10^8 find what scores lower.
const GOOD: Score = Score::Three;

/// Why a password is not taken. Never repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Fewer characters than anybody should have.
    #[error("the password must have at least {SHORTEST_PASSWORD} characters")]
    Short,
    /// More than anybody types.
    #[error("the password must have at most {LONGEST_PASSWORD} characters")]
    Long,
    /// Commonly used, or made of such words, of what is known of its owner, or of patterns of the keyboard.
    #[error("the password is among those that are guessed first; a few unusual words make a good one")]
    Common,
}

impl PasswordFault {
    pub(super) fn fields(self) -> Vec<FieldProblem> {
        let code = match self {
            Self::Short => "TOO_SHORT",
            Self::Long => "TOO_LONG",
            Self::Common => "COMMON",
        };
        vec![FieldProblem::new("/password", code, self.to_string())]
    }
}

/// A new password, which the words belong to.
pub(super) fn expect_good(password: &str, words: &[String]) -> Result<(), PasswordFault> {
    if !is_short_enough(password) {
        return Err(PasswordFault::Long);
    }
    let password = normalised(password);
    if password.chars().count() < SHORTEST_PASSWORD {
        return Err(PasswordFault::Short);
    }
    let joined: Vec<String> = words.iter().map(|word| word.split(divides).collect()).collect();
    let words: Vec<&str> = words
        .iter()
        .flat_map(|word| parts(word))
        .chain(joined.iter().map(String::as_str))
        .chain(["licentia", "license", "licence"])
        .collect();
    if zxcvbn(&password, &words).score() < GOOD { Err(PasswordFault::Common) } else { Ok(()) }
}

/// Whether it can be anybody's password at all; nothing longer is hashed.
pub(super) fn is_short_enough(password: &str) -> bool {
    password.chars().count() <= LONGEST_PASSWORD
}

/// A word whole, and what it is made of: `ada@example.com`, `ada`, `example`, `com`.
fn parts(word: &str) -> impl Iterator<Item = &str> {
    std::iter::once(word).chain(word.split(divides).filter(|part| part.len() > 2))
}

fn divides(c: char) -> bool {
    !c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(password: &str) -> Result<(), PasswordFault> {
        expect_good(password, &["ada.lovelace@example.com".to_owned(), "Ada Lovelace".to_owned()])
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert_eq!(judge("xK9$mQ2vL7p"), Err(PasswordFault::Short));
        assert_eq!(judge("äöüßéèêàçñ€"), Err(PasswordFault::Short));
        assert_eq!(judge("xK9$mQ2vL7pW"), Ok(()));
        assert_eq!(judge(&"horse tulip ".repeat(22)), Err(PasswordFault::Long));
    }

    #[test]
    fn kinds_of_characters_are_no_matter() {
        for password in [
            "plum violin gravel sunday",
            "vexing-otter-hums-low",
            "ljsfoiqwnexzpbvk",
            "сиреневый трамвай молчит",
        ] {
            assert_eq!(judge(password), Ok(()), "{password}");
        }
    }

    #[test]
    fn what_is_guessed_first_is_refused() {
        for password in [
            "password1234",
            "Password123!",
            "123456789012",
            "qwertyuiop123",
            "aaaaaaaaaaaaaaaa",
            "abcdefghijklmnop",
            "iloveyou1234",
            "letmeinletmein",
            "administrator1",
            "licentialicentia",
            "adalovelace2026",
            "ada.lovelace@example.com",
        ] {
            assert_eq!(judge(password), Err(PasswordFault::Common), "{password}");
        }
    }

    #[test]
    fn long_ones_are_judged_as_well() {
        assert_eq!(judge(&"ab".repeat(128)), Err(PasswordFault::Common));
        assert_eq!(judge(&"plum violin gravel sunday ".repeat(9)), Ok(()));
    }
}
