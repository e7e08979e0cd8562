use proptest::prelude::*;

use super::*;

fn prefix() -> KeyPrefix {
    KeyPrefix::parse("DEMO").unwrap()
}

fn native(random: [u8; 15]) -> String {
    NativeKey::from_random(&prefix(), random).expose().to_owned()
}

/// Every symbol differs from its neighbours, and there are a zero and a one to fold. The check symbol was computed
/// apart, by multiplying each value with its power of alpha.
fn example() -> String {
    native([0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf, 0x84, 0x65, 0x3a, 0x56, 0xd7])
}

fn canonical(text: &str) -> Option<String> {
    LicenseKey::parse(text).ok().map(|key| key.canonical().to_owned())
}

#[test]
fn native_keys_have_a_fixed_form() {
    assert_eq!(native([0; 15]), "DEMO-00000-00000-00000-00000-00000");
    assert_eq!(example(), "DEMO-01234-56789-ABCDE-FGHJK-MNPQF");
    let key = LicenseKey::parse(&example()).unwrap();
    assert!(key.is_native());
    assert_eq!(key.strength_bits(), 120);
    assert_eq!(key.masked(), "DEMO-…-MNPQF");
}

#[test]
fn typed_spellings_of_a_native_key_are_the_same_key() {
    let key = example();
    let spellings = [
        key.to_lowercase(),
        format!("\t {key}\r\n"),
        key.replace('-', " "),
        key.replace('-', "–"),
        key.replace("-01", "-Ol"),
        key.replace("-01", "-oI"),
    ];
    for spelling in spellings {
        assert_eq!(canonical(&spelling).as_ref(), Some(&key), "{spelling}");
    }
}

#[test]
fn every_wrong_symbol_in_a_native_key_is_found() {
    let key = example();
    for position in (5..key.len()).filter(|position| key.as_bytes()[*position] != b'-') {
        for symbol in (b'0'..=b'9').chain(b'A'..=b'Z') {
            let mut typed = key.clone().into_bytes();
            typed[position] = symbol;
            let parsed = canonical(&String::from_utf8(typed).unwrap());
            // O for 0 and I or L for 1 are the same symbol.
            assert!(parsed.is_none_or(|parsed| parsed == key), "{position} {}", char::from(symbol));
        }
    }
}

#[test]
fn every_two_neighbours_that_changed_places_are_found() {
    let symbols = example().replace("DEMO", "").replace('-', "");
    for position in 0..24 {
        let mut typed = symbols.clone().into_bytes();
        typed.swap(position, position + 1);
        let groups: Vec<_> =
            typed.chunks(5).map(|group| String::from_utf8(group.to_vec()).unwrap()).collect();
        assert_eq!(canonical(&format!("DEMO-{}", groups.join("-"))), None);
    }
}

#[test]
fn foreign_keys_stay_to_the_letter() {
    for text in [
        "lower-CASE-key",
        "  spaces around  ",
        "12345678",
        "DEMO-01234-56789-ABCDE-FGHJK",
        "DEMO-0123456789ABCDEFGHJKMNPQF",
        "D-01234-56789-ABCDE-FGHJK-MNPQF",
        "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE",
        "ключ-лицензии",
        &"x".repeat(512),
    ] {
        let key = LicenseKey::parse(text).unwrap();
        assert_eq!(key.canonical(), text);
        assert!(!key.is_native());
    }
}

#[test]
fn what_can_be_no_key_is_malformed() {
    for text in [
        "",
        "1234567",
        "tab\tinside",
        "line\nfeed",
        "12345678\n",
        "null\0byte",
        "\u{85}12345678",
        &"x".repeat(513),
    ] {
        assert_eq!(LicenseKey::parse(text).unwrap_err(), LicenseKeyError::Malformed, "{text:?}");
    }
}

#[test]
fn masks_of_foreign_keys_show_a_quarter_at_most() {
    let masked = |text: &str| LicenseKey::parse(text).unwrap().masked();
    assert_eq!(masked("12345678"), "…78");
    assert_eq!(masked("123456789012"), "…012");
    assert_eq!(masked(&"0123456789".repeat(10)), "…6789");
    assert_eq!(masked("ключ-лиц"), "…иц");
}

#[test]
fn prefixes_are_checked() {
    for good in ["AB", "A1", "0123456789ABCDEF"] {
        assert_eq!(KeyPrefix::parse(good).unwrap().as_str(), good);
    }
    for bad in ["", "A", "ab", "A-B", "A B", "ÄÖ", "0123456789ABCDEFG"] {
        assert_eq!(KeyPrefix::parse(bad), Err(KeyPrefixError));
    }
}

#[test]
fn debug_shows_no_key() {
    let key = NativeKey::from_random(&prefix(), [7; 15]);
    assert_eq!(format!("{key:?}"), "NativeKey(redacted)");
    assert_eq!(format!("{:?}", LicenseKey::from(key)), "LicenseKey { native: true, .. }");
}

proptest! {
    #[test]
    fn every_native_key_reads_back(random: [u8; 15]) {
        let key = NativeKey::from_random(&prefix(), random);
        let text = key.expose().to_owned();
        prop_assert_eq!(text.len(), 34);
        let parsed = LicenseKey::parse(&text).unwrap();
        prop_assert!(parsed.is_native());
        prop_assert_eq!(parsed.canonical(), text.as_str());
        let made = LicenseKey::from(key);
        prop_assert_eq!(parsed.canonical(), made.canonical());
    }

    #[test]
    fn the_canonical_form_is_stable(text in "\\PC{8,40}") {
        if let Ok(key) = LicenseKey::parse(&text) {
            prop_assert_eq!(canonical(key.canonical()), Some(key.canonical().to_owned()));
        }
    }

    #[test]
    fn masks_never_show_the_key(text in "[a-zA-Z0-9]{8,60}") {
        let masked = LicenseKey::parse(&text).unwrap().masked();
        prop_assert!((masked.chars().count() - 1) * 4 <= text.len());
    }
}

#[test]
fn a_made_up_key_of_native_shape_is_weak() {
    let zeros = LicenseKey::parse("AB-00000-00000-00000-00000-00000").unwrap();
    assert!(zeros.is_native() && zeros.strength_bits() < 80);
}
