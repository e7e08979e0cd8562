//! Compact JOSE objects as files: the text between two marks, in lines that mail programs and people leave alone.

/// Characters of a line.
const LINE: usize = 64;

/// The text is not what stands between the marks of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is not between the lines -----BEGIN …----- and -----END …----- of its kind")]
pub struct ArmourError;

/// Puts a compact JWS or JWE between `-----BEGIN label-----` and `-----END label-----`, 64 characters a line.
#[must_use]
pub fn armour(label: &str, compact: &str) -> String {
    let mut text = String::with_capacity(compact.len() + compact.len() / LINE + 2 * label.len() + 40);
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    for (at, symbol) in compact.chars().enumerate() {
        if at > 0 && at % LINE == 0 {
            text.push('\n');
        }
        text.push(symbol);
    }
    text.push_str("\n-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

/// The compact JWS or JWE between the marks. White space is nothing: files travel through mail and across systems.
///
/// # Errors
/// When the marks are not there, or anything is around them or between them that no compact object has.
pub fn unarmour(label: &str, text: &str) -> Result<String, ArmourError> {
    let body = text
        .trim()
        .strip_prefix(&format!("-----BEGIN {label}-----"))
        .and_then(|rest| rest.strip_suffix(&format!("-----END {label}-----")))
        .ok_or(ArmourError)?;
    let compact: String = body.split_ascii_whitespace().collect();
    let is_compact = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let plain = !compact.contains("-----") && compact.bytes().all(is_compact);
    if plain && !compact.is_empty() { Ok(compact) } else { Err(ArmourError) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_file_has_its_marks_and_lines_of_64() {
        let text = armour("LICENSE FILE", &"a".repeat(130));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.first(), Some(&"-----BEGIN LICENSE FILE-----"));
        assert_eq!(lines[1..4].iter().map(|line| line.len()).collect::<Vec<_>>(), [64, 64, 2]);
        assert_eq!(lines.last(), Some(&"-----END LICENSE FILE-----"));
        assert!(text.ends_with("-----\n"));
    }

    #[test]
    fn white_space_is_nothing_and_everything_else_is_refused() {
        let text = armour("LICENSE FILE", &"a".repeat(64));
        assert_eq!(unarmour("LICENSE FILE", &text.replace('\n', "\r\n  ")), Ok("a".repeat(64)));
        for other in [
            String::new(),
            "aaaa".to_owned(),
            armour("LICENSE REQUEST", "aaaa"),
            armour("LICENSE FILE", ""),
            armour("LICENSE FILE", "aa+a"),
            format!("{text}{text}"),
            format!("Dear Ada,\n{text}"),
            text.replace("END LICENSE", "END"),
        ] {
            assert_eq!(unarmour("LICENSE FILE", &other), Err(ArmourError), "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_is_put_in_comes_out(compact in "[A-Za-z0-9_.]{1,300}") {
            prop_assert_eq!(unarmour("X", &armour("X", &compact)), Ok(compact));
        }
    }
}
