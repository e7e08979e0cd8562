//! Secrets from files, and the key that development makes.

use std::{
    io,
    sync::{Barrier, atomic::AtomicU8},
    thread,
};

use secrecy::ExposeSecret;

use super::*;

#[test]
fn secrets_are_read_from_files_without_their_newline() {
    let folder = Folder::new();
    let key = folder.write("kek", "  a key \r\n");
    let url = folder.write("url", "postgres://app:canary@db/l\n");
    let config = load(&[
        &format!("LICENTIA__ENCRYPTION__KEY_FILE={}", key.display()),
        &format!("LICENTIA__DATABASE__URL_FILE={}", url.display()),
    ])
    .unwrap();
    assert_eq!(config.encryption.key.unwrap().expose_secret(), "  a key ");
    assert_eq!(config.database.url.expose_secret(), "postgres://app:canary@db/l");
}

#[test]
fn a_secret_given_twice_is_refused() {
    let refused =
        load(&["LICENTIA__ENCRYPTION__KEY=canary", "LICENTIA__ENCRYPTION__KEY_FILE=/kek"]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`encryption.key` is given by the environment variable `LICENTIA__ENCRYPTION__KEY`, and \
         `encryption.key_file` by the environment variable `LICENTIA__ENCRYPTION__KEY_FILE`; keep one of them"
    );
    let refused = load_file("[database]\nurl = \"sqlite://l.db\"\nurl_file = \"/url\"\n").unwrap_err();
    assert!(matches!(refused, ConfigError::Both { key: "database.url", .. }), "{refused}");
}

#[test]
fn a_secret_file_that_is_missing_empty_or_wrong_is_named() {
    let folder = Folder::new();
    let variable = |path: &Path| format!("LICENTIA__DATABASE__URL_FILE={}", path.display());
    for (path, told) in [
        (folder.path().join("missing"), "which cannot be read: "),
        (folder.write("empty", "\n"), "which is empty"),
        (folder.write("wrong", "mysql://canary"), "must begin with sqlite:// or postgres://"),
    ] {
        let refused = load(&[&variable(&path)]).unwrap_err().to_string();
        assert!(refused.contains("`database.url"), "{refused}");
        assert!(refused.contains(&path.display().to_string()) && refused.contains(told), "{refused}");
        assert!(!refused.contains("canary"), "{refused}");
    }
}

fn development(folder: &Folder) -> Config {
    load(&[&format!("LICENTIA__DATABASE__URL=sqlite://{}/licentia.db", folder.path().display())]).unwrap()
}

/// Different bytes at every call, in every thread.
#[expect(clippy::unnecessary_wraps, reason = "a real source of randomness can fail")]
fn numbered(bytes: &mut [u8]) -> io::Result<()> {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    bytes.fill(NEXT.fetch_add(1, Ordering::Relaxed));
    Ok(())
}

#[test]
fn development_makes_a_key_once_and_keeps_it() {
    let folder = Folder::new();
    let config = development(&folder);
    let made = config.key_encryption_key(numbered).unwrap();
    let file = folder.path().join("licentia.kek");
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("dev-{}\n", made.expose_secret()));
    let again = config.key_encryption_key(|_| panic!("the key is there")).unwrap();
    assert_eq!(again.expose_secret(), made.expose_secret());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn processes_that_start_together_end_with_one_key() {
    let folder = Folder::new();
    let config = development(&folder);
    let ready = Barrier::new(8);
    let keys: Vec<String> = thread::scope(|scope| {
        let start = || {
            // Each has found no file before any of them writes one.
            let fill = |bytes: &mut [u8]| {
                if bytes.len() == 32 {
                    ready.wait();
                }
                numbered(bytes)
            };
            config.key_encryption_key(fill).unwrap().expose_secret().to_owned()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_configured_key_of_development_loses_its_mark() {
    let config = load(&["LICENTIA__ENCRYPTION__KEY=dev-abc"]).unwrap();
    assert_eq!(config.key_encryption_key(|_| panic!("there is a key")).unwrap().expose_secret(), "abc");
}

#[test]
fn a_key_that_cannot_be_made_says_where() {
    let config = load(&["LICENTIA__DATABASE__URL=sqlite:///no-such-folder/licentia.db"]).unwrap();
    let failed = config.key_encryption_key(numbered).unwrap_err().to_string();
    assert!(
        failed.starts_with("the key-encryption key in `/no-such-folder/licentia.kek` cannot be made"),
        "{failed}"
    );

    let folder = Folder::new();
    let failed = development(&folder).key_encryption_key(|_| Err(io::Error::other("dry"))).unwrap_err();
    assert_eq!(failed.to_string(), "no random bytes for a key-encryption key: dry");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
