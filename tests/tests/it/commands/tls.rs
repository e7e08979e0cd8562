//! `licentia serve` with a certificate: what refuses the start, SIGHUP, and `healthcheck`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::installation::Installation;
use crate::tls::session::Pair;

/// An installation with this certificate and key.
fn with(certificate: &str, key: &str) -> Installation {
    let place = Installation::new();
    let certificate = place.write("secrets/tls.crt", certificate);
    let key = place.write("secrets/tls.key", key);
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    place
        .with("SERVER__TLS_CERTIFICATE_FILE", certificate.to_str().unwrap())
        .with("SERVER__TLS_KEY_FILE", key.to_str().unwrap())
}

#[test]
fn a_server_with_tls_is_found_well_and_hears_of_a_new_certificate() {
    let pair = Pair::make();
    let place = with(&pair.certificate, &pair.key);
    let serving = place.serve(&[]);
    let log = serving.log();
    let listening = log.iter().find(|line| line["message"] == "listening").unwrap();
    assert_eq!(
        (&listening["tls"], &listening["issuer"]),
        (&true.into(), &place.url().replace("http:", "https:").into())
    );
    assert!(!log.iter().any(|line| line["level"] == "WARN"), "{log:?}");
    assert_eq!(place.prints(&["healthcheck"]), "");

    // Half of a renewal: told, and nobody notices. A health check that insisted on the file would end a healthy server.
    let other = Pair::make();
    place.write("secrets/tls.crt", &other.certificate);
    serving.hang_up("the TLS certificate cannot be exchanged, and the former one stays");
    assert_eq!(place.prints(&["healthcheck"]), "");
    place.write("secrets/tls.key", &other.key);
    serving.hang_up("the TLS certificate was exchanged");
    assert_eq!(place.prints(&["healthcheck"]), "");
    let output = serving.output();
    assert!(!output.contains("PRIVATE KEY") && !output.contains(pair.key.lines().nth(1).unwrap()));
    serving.stop();
    place.refuses(&["healthcheck"], 1);
}

#[test]
fn what_is_no_pair_refuses_the_start_and_says_how_to_mend_it() {
    let (pair, other) = (Pair::make(), Pair::make());
    for (certificate, key, told) in [
        (pair.certificate.as_str(), other.key.as_str(), "is not that of the first certificate"),
        ("nonsense", &pair.key, "holds no certificate as PEM"),
        (&pair.certificate, "nonsense", "holds no private key as PEM"),
        (&pair.key, &pair.key, "holds no certificate as PEM"),
    ] {
        let complaint = with(certificate, key).refuses(&["serve"], 1);
        assert!(complaint.contains(told), "{complaint}");
        assert!(!complaint.contains(pair.key.lines().nth(1).unwrap()), "{complaint}");
    }
    let place = with(&pair.certificate, &pair.key);
    let complaint = place.with("SERVER__TLS_KEY_FILE", "/nowhere/tls.key").refuses(&["serve"], 1);
    assert!(complaint.contains("`server.tls_key_file` (/nowhere/tls.key) cannot be read"), "{complaint}");
    let complaint = with(&pair.certificate, &pair.key).without("SERVER__TLS_KEY_FILE").refuses(&["serve"], 2);
    assert!(complaint.contains("`server.tls_key_file`: TLS needs a certificate and its key"), "{complaint}");
}

#[test]
fn a_key_that_everybody_may_read_is_told_of() {
    let pair = Pair::make();
    let place = with(&pair.certificate, &pair.key);
    let key = place.write("secrets/tls.key", &pair.key);
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let serving = place.serve(&[]);
    let log = serving.log();
    let warning = log.iter().find(|line| line["level"] == "WARN").unwrap();
    assert!(warning["message"].as_str().unwrap().contains("chmod 600"), "{warning}");
    serving.stop();
}
