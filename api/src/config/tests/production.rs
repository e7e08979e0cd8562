//! What production refuses, each with its mend.

use super::*;
use crate::config::Finding;

const PRODUCTION: &str = "LICENTIA__ENVIRONMENT=production";
const HTTPS: &str = "LICENTIA__SERVER__PUBLIC_URL=https://licenses.example.com";
const KEY: &str = "LICENTIA__ENCRYPTION__KEY=q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";

fn findings(env: &[&str]) -> Vec<Finding> {
    load(env).unwrap().check()
}

/// The only finding.
fn finding(env: &[&str]) -> Finding {
    let mut findings = findings(env);
    assert_eq!(findings.len(), 1, "{findings:?}");
    findings.remove(0)
}

#[test]
fn a_good_configuration_has_no_findings() {
    assert_eq!(findings(&[PRODUCTION, HTTPS, KEY]), []);
    assert_eq!(
        findings(&[
            PRODUCTION,
            HTTPS,
            KEY,
            "LICENTIA__DATABASE__URL=postgres://app:h4Vq9zLw@db.example.com/l"
        ]),
        []
    );
}

#[test]
fn the_example_has_no_findings() {
    let folder = Folder::new();
    let url =
        folder.write("url", "postgres://licentia:h4Vq9zLw@db.example.com/licentia?sslmode=verify-full\n");
    let key = folder.write("kek", "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=\n");
    let text = include_str!("../../../../config/production.example.toml")
        .replace("/run/secrets/licentia-database-url", url.to_str().unwrap())
        .replace("/etc/licentia/kek", key.to_str().unwrap());
    assert_eq!(load_file(&text).unwrap().check(), []);
}

#[test]
fn everything_is_told_at_once() {
    let all = findings(&[PRODUCTION, "LICENTIA__DATABASE__URL=postgres://app:app@db/l"]);
    let keys: Vec<_> = all.iter().map(|finding| finding.key).collect();
    assert_eq!(keys, ["server.public_url", "database.url", "encryption.key"]);
}

#[test]
fn the_issuer_must_be_https() {
    for env in [
        &[PRODUCTION, KEY][..],
        &[PRODUCTION, KEY, "LICENTIA__SERVER__PUBLIC_URL=http://licenses.example.com"],
    ] {
        let finding = finding(env);
        assert_eq!(finding.key, "server.public_url");
        assert!(finding.mend.contains("LICENTIA__SERVER__PUBLIC_URL to the https address"), "{finding}");
    }
}

#[test]
fn the_key_must_be_there_and_not_of_development() {
    for key in [None, Some("LICENTIA__ENCRYPTION__KEY=dev-q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=")] {
        let env: Vec<_> = [PRODUCTION, HTTPS].into_iter().chain(key).collect();
        let finding = finding(&env);
        assert_eq!(finding.key, "encryption.key");
        assert!(finding.mend.contains("openssl rand -base64 32"), "{finding}");
        assert!(!finding.to_string().contains("q83vEj"), "{finding}");
        let config = load(&env).unwrap();
        assert!(config.key_encryption_key(|_| panic!("production makes no key")).is_err());
    }
}

#[test]
fn default_database_credentials_are_refused() {
    let finding = finding(&[PRODUCTION, HTTPS, KEY, "LICENTIA__DATABASE__URL=postgres://canary:canary@db/l"]);
    assert_eq!(finding.key, "database.url");
    assert!(finding.mend.contains("LICENTIA__DATABASE__URL_FILE"), "{finding}");
    assert!(!finding.to_string().contains("canary"), "{finding}");
}

/// The finding about a key file and a database, by their paths in one folder.
fn key_beside(database: &str, key_file: &Path, folder: &Folder) -> Vec<Finding> {
    findings(&[
        PRODUCTION,
        HTTPS,
        &format!("LICENTIA__DATABASE__URL=sqlite://{}/{database}", folder.path().display()),
        &format!("LICENTIA__ENCRYPTION__KEY_FILE={}", key_file.display()),
    ])
}

#[test]
fn a_key_beside_the_database_is_refused() {
    let folder = Folder::new();
    let beside = folder.write("data/kek", "key");
    let below = folder.write("data/keys/kek", "key");
    let round_about = folder.path().join("data/../data/kek");
    for key_file in [&beside, &below, &round_about] {
        let found = key_beside("data/licentia.db", key_file, &folder);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].key, "encryption.key_file");
        assert!(found[0].mend.contains("/etc/licentia/kek"), "{}", found[0]);
    }
    let apart = folder.write("etc/kek", "key");
    assert_eq!(key_beside("data/licentia.db", &apart, &folder), []);
    assert_eq!(key_beside("not/yet/made/licentia.db", &apart, &folder), []);
}

#[test]
fn the_key_of_the_certificate_lies_apart_from_the_database_too() {
    let folder = Folder::new();
    let found = |key: &str| {
        let key = folder.write(key, "key");
        findings(&[
            PRODUCTION,
            HTTPS,
            KEY,
            &format!("LICENTIA__DATABASE__URL=sqlite://{}", folder.path().join("data/licentia.db").display()),
            "LICENTIA__SERVER__TLS_CERTIFICATE_FILE=tls.crt",
            &format!("LICENTIA__SERVER__TLS_KEY_FILE={}", key.display()),
        ])
    };
    let beside = found("data/tls.key");
    assert_eq!(beside.iter().map(|one| one.key).collect::<Vec<_>>(), ["server.tls_key_file"]);
    assert!(beside[0].mend.contains("/etc/licentia/tls.key"), "{}", beside[0]);
    assert_eq!(found("etc/tls.key"), []);
}

#[cfg(unix)]
#[test]
fn a_link_does_not_hide_where_a_key_lies() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new();
    let beside = folder.write("data/kek", "key");
    let link = folder.path().join("link-to-key");
    symlink(beside, &link).unwrap();
    symlink(folder.path().join("data"), folder.path().join("link-to-data")).unwrap();
    assert_eq!(key_beside("data/licentia.db", &link, &folder).len(), 1);
    assert_eq!(key_beside("link-to-data/licentia.db", &link, &folder).len(), 1);
}

#[test]
fn a_key_in_a_configuration_file_beside_the_database_is_refused() {
    let folder = Folder::new();
    let text = format!(
        "environment = \"production\"\n[server]\npublic_url = \"https://licenses.example.com\"\n\
         [database]\nurl = \"sqlite://{0}/licentia.db\"\n[encryption]\nkey = \"canary\"\n",
        folder.path().display()
    );
    let file = folder.write("licentia.toml", &text);
    let found = Config::load_in(folder.path(), Some(&file), []).unwrap().check();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].key, "encryption.key");
    assert!(!found[0].to_string().contains("canary"));
    // The same key as a variable lies nowhere near.
    let env = variables(&["LICENTIA__ENCRYPTION__KEY=canary"]);
    assert_eq!(Config::load_in(folder.path(), Some(&file), env).unwrap().check(), []);
}
