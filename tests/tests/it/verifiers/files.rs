//! Licence files, shown to stock verifiers that are told a file's audience.

use licentia_crypto::armour::armour;

use super::candidates::{Candidate, token, token_of};
use super::*;

/// Takes the marks off, as docs/license-files.md says it is done by a program that takes nothing else: exactly
/// the lines that the server writes, and no bits at the end of the signature that mean nothing.
fn strictly(text: &str) -> Option<String> {
    let compact = licentia_crypto::armour::unarmour("LICENSE FILE", text).ok()?;
    let signature = compact.rsplit('.').next()?;
    let bytes = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let same = armour("LICENSE FILE", &compact) == text && URL_SAFE_NO_PAD.encode(bytes) == signature;
    same.then_some(compact)
}

/// The file with another byte at each place, as far as its marks can be taken off.
fn changed(text: &str) -> Vec<Candidate> {
    let mut all = Vec::new();
    for at in 0..text.len() {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let compact = strictly(&String::from_utf8(bytes).unwrap());
        all.extend(compact.map(|compact| token(format!("changed at {at}"), compact)));
    }
    all
}

pub(super) async fn refuses_a_file_with_any_byte_changed(library: Library) {
    let scene = Scene::open().await;
    let (file, record) = scene.files().await;
    let audience = format!("urn:licentia:license-file:{}", scene.shop.slug);
    let good = [token("as it was issued", strictly(&file).unwrap())];
    let verdict = library.judge_for(&scene, &audience, &good).await.remove(0);
    assert!(verdict.accepted, "{}", verdict.error);
    assert_eq!(verdict.claims, claims(&good[0].text));
    assert_eq!(verdict.claims["activation_id"], scene.machine.activation);

    let mut bad = changed(&file);
    assert!(bad.len() > good[0].text.len() - 4, "the armour alone refused too much: {}", bad.len());
    bad.push(token("a record", token_of(&record)));
    bad.push(token("a licence token", &scene.machine.token));
    let verdicts = library.judge_for(&scene, &audience, &bad).await;
    let taken: Vec<&str> =
        verdicts.iter().filter(|verdict| verdict.accepted).map(|verdict| verdict.name.as_str()).collect();
    assert!(taken.is_empty(), "accepted: {taken:?}");
}

/// The last character of a 2048-bit signature has four bits that mean nothing: of the 63 others, three say
/// another signature, and the rest are no file.
#[test]
fn a_file_has_one_form() {
    let signature = URL_SAFE_NO_PAD.encode([7; 256]);
    let text = |signature: &str| armour("LICENSE FILE", &format!("{}.{signature}", "a".repeat(80)));
    let good = text(&signature);
    assert!(strictly(&good).is_some());
    let (rest, last) = signature.split_at(signature.len() - 1);
    let others = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars();
    let others = others.filter(|other| !last.contains(*other)).map(|other| text(&format!("{rest}{other}")));
    assert_eq!(others.filter(|other| strictly(other).is_some()).count(), 3);
    for spoilt in
        [good.replace('\n', "\r\n"), format!(" {good}"), good.trim_end().to_owned(), format!("{good}\n")]
    {
        assert_eq!(strictly(&spoilt), None);
    }
}
