//! What production refuses, and how to mend it.

use std::path::{Path, PathBuf};

use super::{Config, Finding, database, database::Kind, encryption, kek, mail};

const PUBLIC_URL: &str = "server.public_url";

pub(super) fn findings(config: &Config) -> Vec<Finding> {
    let mail = mail::refused_in_production(&config.mail);
    [issuer(config), credentials(config), key(config), key_place(config), tls_key_place(config), mail]
        .into_iter()
        .flatten()
        .collect()
}

fn issuer(config: &Config) -> Option<Finding> {
    let mend = "set LICENTIA__SERVER__PUBLIC_URL to the https address under which clients reach this server, such \
                as https://licenses.example.com; a reverse proxy may end the TLS";
    match &config.server.public_url {
        None => Some(Finding::new(
            PUBLIC_URL,
            "there is none, and tokens would name this machine as their issuer",
            mend,
        )),
        Some(url) if !url.is_https() => Some(Finding::new(
            PUBLIC_URL,
            "it is http, so that anyone on the way could swap the signing keys",
            mend,
        )),
        Some(_) => None,
    }
}

fn credentials(config: &Config) -> Option<Finding> {
    let Kind::Postgres = config.database.url.kind() else {
        return None;
    };
    let weakness = database::weakness(config.database.url.expose_secret())?;
    Some(Finding::new(
        database::URL,
        weakness,
        "give the database user a random password (`openssl rand -hex 24`), and put the address into a file that \
         LICENTIA__DATABASE__URL_FILE names",
    ))
}

fn key(config: &Config) -> Option<Finding> {
    let mend = "make one with `openssl rand -base64 32`, keep it in a file that only the server can read, away from \
                the database, and name that file in LICENTIA__ENCRYPTION__KEY_FILE";
    match &config.encryption.key {
        None => {
            Some(Finding::new(encryption::KEY, "there is no key-encryption key to seal secrets with", mend))
        }
        Some(key) if kek::is_for_development(key) => {
            Some(Finding::new(encryption::KEY, "it was made for development (it begins with `dev-`)", mend))
        }
        Some(_) => None,
    }
}

/// Who copies the database's folder, as backups do, must not get the key with it.
fn key_place(config: &Config) -> Option<Finding> {
    let key_file = config.encryption.held_in.as_deref()?;
    let folder = beside_database(config, key_file)?;
    Some(Finding::new(
        if config.encryption.key_file.is_some() { "encryption.key_file" } else { encryption::KEY },
        format!("the key in `{}` lies beside the database, in `{}`", key_file.display(), folder.display()),
        "move the key to a folder of its own, such as /etc/licentia/kek, which is not backed up with the database, \
         and name it in LICENTIA__ENCRYPTION__KEY_FILE",
    ))
}

/// Nor the key of the certificate, with which he could pass for this server.
fn tls_key_place(config: &Config) -> Option<Finding> {
    let key_file = config.server.tls_key_file.as_deref()?;
    let folder = beside_database(config, key_file)?;
    Some(Finding::new(
        "server.tls_key_file",
        format!("`{}` lies beside the database, in `{}`", key_file.display(), folder.display()),
        "move it to a folder of its own, such as /etc/licentia/tls.key, which is not backed up with the database, \
         and name it in LICENTIA__SERVER__TLS_KEY_FILE",
    ))
}

/// The folder of the SQLite database, when a file lies in it or below.
fn beside_database(config: &Config, file: &Path) -> Option<PathBuf> {
    let Kind::Sqlite { path: database } = config.database.url.kind() else {
        return None;
    };
    let folder = resolved(database).parent()?.to_owned();
    resolved(file).starts_with(&folder).then_some(folder)
}

/// The path without links and `..`, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let existing = path.ancestors().find_map(|part| Some((part, part.canonicalize().ok()?)));
    match existing.map(|(part, real)| (path.strip_prefix(part), real)) {
        Some((Ok(rest), real)) if rest.as_os_str().is_empty() => real,
        Some((Ok(rest), real)) => real.join(rest),
        _ => path,
    }
}
