//! `licentia keys`: signing keys from the command line, beside a server that runs.

use std::fs::File;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::installation::Installation;

/// Words of the line of each key: kid, purpose, state, bits, …
fn listed(place: &Installation) -> Vec<Vec<String>> {
    let printed = place.prints(&["keys", "list"]);
    printed.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

fn kid(place: &Installation, purpose: &str, state: &str) -> String {
    let mut found = listed(place);
    found.retain(|words| words[1] == purpose && words[2] == state);
    assert_eq!(found.len(), 1, "{:#?}", listed(place));
    found.remove(0).remove(0)
}

/// A new private key as PEM: PKCS#8, or what is inside of it, PKCS#1.
fn private_key(size: KeySize, label: &str) -> String {
    let pair = RsaKeyPair::generate(size).unwrap();
    let pkcs8 = pair.as_der().unwrap();
    let der = match label {
        "RSA PRIVATE KEY" => {
            let inner = pkcs8.as_ref().windows(2).skip(4).position(|two| two == [0x30, 0x82]).unwrap() + 4;
            &pkcs8.as_ref()[inner..]
        }
        _ => pkcs8.as_ref(),
    };
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

async fn published(place: &Installation) -> Vec<String> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/.well-known/jwks.json", place.url());
    let jwks: Value = http.get(url).send().await.unwrap().json().await.unwrap();
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn keys_are_listed_rotated_and_revoked() {
    let place = Installation::for_production();
    let all = listed(&place);
    assert_eq!(all.len(), 6);
    assert!(all.iter().all(|words| words[0].len() == 43 && words[3..5] == ["2048", "bits"]), "{all:#?}");

    let next = kid(&place, "token", "pending");
    // Made a moment ago: it waits until every verifier has had the time to fetch it.
    let printed = place.prints(&["keys", "rotate"]);
    assert!(printed.starts_with(&format!("{next} signs from 2")) && printed.ends_with(" on.\n"), "{printed}");
    let complaint = place.refuses(&["keys", "rotate"], 1);
    assert!(complaint.contains("another key takes over at 2"), "{complaint}");
    let documents = kid(&place, "document", "pending");
    assert!(place.prints(&["keys", "rotate", "--purpose", "document"]).starts_with(&documents));

    let leaked = kid(&place, "token", "active");
    let revoke = ["keys", "revoke", &leaked, "--reason", "a backup was lost"];
    assert_eq!(place.prints(&revoke), format!("{leaked} is revoked.\n"));
    assert_eq!(place.prints(&revoke), format!("{leaked} is revoked.\n"));
    assert_eq!(kid(&place, "token", "active"), next);
    assert_eq!(kid(&place, "token", "revoked"), leaked);
}

#[tokio::test]
async fn an_imported_key_waits_in_the_place_of_the_pending_one() {
    let place = Installation::for_production();
    let serving = place.serve(&[]);
    let replaced = kid(&place, "token", "pending");
    assert!(published(&place).await.contains(&replaced));
    let file = place.write("secrets/next.pem", &private_key(KeySize::Rsa3072, "PRIVATE KEY"));
    let printed = place.prints(&["keys", "import", file.to_str().unwrap()]);
    let imported = kid(&place, "token", "pending");
    assert_eq!(printed, format!("{imported} is published, and waits for the next rotation.\n"));
    assert_eq!(kid(&place, "token", "retired"), replaced);
    let line = listed(&place).into_iter().find(|words| words[0] == imported).unwrap();
    assert_eq!((line[3].as_str(), line.last().unwrap().as_str()), ("3072", "imported"));
    // It is here already, whatever it is for.
    let again = place.refuses(&["keys", "import", file.to_str().unwrap(), "--purpose", "document"], 1);
    assert!(again.contains(&format!("the key {imported} is here already")), "{again}");

    // From the standard input, in the older form.
    let file = place.write("secrets/old.pem", &private_key(KeySize::Rsa2048, "RSA PRIVATE KEY"));
    let ended =
        place.run_with(&["keys", "import", "-", "--purpose", "document"], File::open(&file).unwrap().into());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(ended.stdout.starts_with(&kid(&place, "document", "pending")));

    // A server that starts now shows them; the one that runs does within seconds.
    serving.stop();
    let restarted = place.serve(&[]);
    let set = published(&place).await;
    assert!(set.contains(&imported) && set.contains(&kid(&place, "document", "pending")));
    assert!(!set.contains(&replaced) && set.len() == 4, "{set:?}");
    restarted.stop();
}

#[test]
fn what_cannot_sign_is_refused_and_changes_nothing() {
    let place = Installation::for_production();
    let before = listed(&place);
    let good = private_key(KeySize::Rsa2048, "PRIVATE KEY");
    for (text, told) in [
        (String::new(), "no RSA private key in PEM"),
        (good.replace("PRIVATE KEY", "EC PRIVATE KEY"), "no RSA private key in PEM"),
        (good.replace("PRIVATE KEY", "PUBLIC KEY"), "only a public one"),
        (good.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), "take the passphrase off"),
        (SMALL.to_owned(), "fewer than 2048 bits"),
        (good.repeat(2), "more than one private key"),
    ] {
        let file = place.write("secrets/key.pem", &text);
        let complaint = place.refuses(&["keys", "import", file.to_str().unwrap()], 1);
        assert!(complaint.contains(told), "{complaint}");
        assert!(!complaint.contains("MII"), "{complaint}");
    }
    let missing = place.refuses(&["keys", "import", "nowhere.pem"], 1);
    assert!(missing.contains("the key cannot be read"), "{missing}");
    let unknown = "A".repeat(43);
    assert!(place.refuses(&["keys", "revoke", &unknown], 1).contains("no such signing key"));
    for arguments in
        [&["keys", "revoke", "kid"][..], &["keys", "rotate", "--purpose", "all"], &["keys", "import"]]
    {
        assert_eq!(place.run(arguments).code, Some(2), "{arguments:?}");
    }
    assert_eq!(listed(&place), before);
}

/// 1024 bits.
const SMALL: &str = "-----BEGIN PRIVATE KEY-----\n\
    MIICeAIBADANBgkqhkiG9w0BAQEFAASCAmIwggJeAgEAAoGBAMmD6lOiMaHqX1pQ\n\
    /SSKabkbNYcAcjIpD8Qvp9yzartG88sFJl9T6Ke6hUmSmXeu25cI2xNhpEt0XvhR\n\
    8E1VTwDiuQ5nU2OEau7o4W0HUtHVGi5KbXDLXWjkmIcvOVonxBjjdKvTyTwaSUk7\n\
    dNWXzYNHTapuOpYI4U7VXqwW4ykrAgMBAAECgYBktC6zEtf40XZLXTPUQfNplOZg\n\
    C+IFnS2K3kHl8ieBZYjJyU4Oz5Dx2S1owgE9pT2JsdxBSEdhics4D0Kmct5ib8+y\n\
    chhNOCHkrQnWq0pgDPtUaJM4nmLVTpv9sG9bZXBQ459B/+W9F9Nx36Pc/XvGrmg3\n\
    sbWJqrOiyljZNxeYEQJBAPqPPzWdgmfGWfxDoU3034cS6n+tCm7wHGzUdck3UE3x\n\
    Kvk4PQe75f8QPWJdp24lEdZQ39gHyjJgXg1iJIA2cMMCQQDN5A1qY+mY5twcNRZn\n\
    BuwQfFSPKzopV5wzeGbAffalrpRuebOw5ECrPxlAs3eouclqThsvDKIEeHCrAWcc\n\
    et95AkEA7bHPKTHPcFs/Ko2ODMJs+1r6kzy5VRz8GlJDmyuaRxauydaMLzYVrq7d\n\
    TN/D4j3Qehwm/m4FZ1z8XH3qWqdKuQJBAIq9PBUPEqBIINaZJ2lxjq1lOo3nMSAe\n\
    u1ErtwHLX+MxizAOrnlqtfEvadLhnKaD2yfZThQcTSj6B+IT5emZGvECQQCyzas5\n\
    gl+umfd4mmQZ7d3P3AYjkFN3EkOaZTHWKH+6p2F1PBrFBQv2+56I3lt6Sdwjhhbh\n\
    wpmk6nP3rMGhgfd6\n\
    -----END PRIVATE KEY-----";
